// Sessions of express-session: one of Latchkey goes on for each of them. Delete it once the old ones have expired.
import { createHmac, hkdfSync, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import { SessionError, SessionService, SessionTransport } from '@latchkey/session';
import { unsign } from 'cookie-signature';
import type { NextFunction, Request, Response } from 'express';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { Accounts } from '../../accounts.js';
import { end } from '../express-sessions.js';
import { COOKIE, DAY_MS, SECRET } from '../session-types.js';

/** At least as long as any old session lives: one that was ended must not be taken over again. */
const REMEMBERED_MS = 30 * DAY_MS;
/** Tabs that sent the old cookie before they got the new one. */
const LATE_TABS_S = 60;
/** Replaces a mark of our own, also one that has expired, and nothing of another request. */
const REPLACE = `local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] then return false end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
return redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])`;
const SEALED = { alg: 'dir', enc: 'A256GCM' } as const;

/** `OLD_SESSIONS=keep` for the week in which there is a way back: the old cookie and its data stay what counts. */
export const areOldKept = () => process.env['OLD_SESSIONS'] === 'keep';

@Injectable()
export class OldSessions implements NestMiddleware {
  readonly areKept = areOldKept();

  constructor(
    private readonly accounts: Accounts,
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
  ) {}

  async use(request: Request, response: Response, next: NextFunction): Promise<void> {
    const sid = sidOf(request);
    const stored = sid === undefined ? null : await this.accounts.redis.get(`sess:${sid}`);
    if (sid !== undefined && stored !== null) {
      const { cookie: _, userId, ...data } = JSON.parse(stored) as { cookie: unknown; userId?: string };
      if (userId !== undefined) await this.goOn(request, response, { sid, userId, data });
    }
    next();
  }

  /** At logout: the old session ends with the new one. */
  async end(request: Request, response: Response): Promise<void> {
    const sid = sidOf(request);
    if (this.areKept && request.session !== undefined) await end(request);
    else if (sid !== undefined) await this.accounts.redis.del(`sess:${sid}`);
    response.clearCookie(COOKIE);
  }

  private async goOn(request: Request, response: Response, old: OldSession): Promise<void> {
    this.transport.assertSameOrigin(request);
    const token = await this.tokenFor(old.sid, async () => {
      const device = this.transport.deviceOf(request);
      return (await this.sessions.create(old.userId, { device })).token;
    }).catch((error: unknown) => {
      if (error instanceof SessionError && error.getStatus() < 500) return undefined; // blocked, or unknown
      throw error;
    });
    if (token === undefined) return void response.clearCookie(COOKIE);
    // The old cookie wins: a login by the old version is newer than any session that was taken over.
    const others = (request.headers.cookie ?? '')
      .split(/; */)
      .filter((one) => !one.startsWith('__Host-session='));
    request.headers.cookie = [...others, `__Host-session=${token}`].join('; ');
    if (this.areKept) return;
    const decision = await this.sessions.decide(token, undefined, {
      clientIp: this.transport.clientIp(request),
    });
    if (decision.permit) {
      const { session } = decision;
      await this.sessions.data(session).merge(old.data, { ifVersion: 0 }).catch(unless('version_conflict'));
      this.transport.setCookie(request, response, { token, session });
    }
    response.clearCookie(COOKIE);
    await this.accounts.redis.expire(`sess:${old.sid}`, LATE_TABS_S, 'LT');
  }

  /** The token of the one session that goes on for an old one, whichever node is asked, and however many at once. */
  private async tokenFor(sid: string, make: () => Promise<string>): Promise<string> {
    const { redis } = this.accounts;
    const key = `taken:${createHmac('sha256', SECRET).update(sid).digest('base64url')}`;
    const sealing = new Uint8Array(hkdfSync('sha256', SECRET, sid, 'latchkey', 32));
    const mine = `by ${randomUUID()}`;
    for (let attempt = 0; attempt < 100; attempt++) {
      const found = await redis.set(key, mine, 'PX', 5_000, 'NX', 'GET');
      if (found?.startsWith('by ')) {
        await sleep(20); // another request makes it
      } else if (found !== null) {
        return Buffer.from((await compactDecrypt(found, sealing)).plaintext).toString();
      } else {
        const token = await make().catch(async (error: unknown) => {
          await redis.eval(REPLACE, 1, key, mine, '');
          throw error;
        });
        const sealed = await new CompactEncrypt(Buffer.from(token))
          .setProtectedHeader(SEALED)
          .encrypt(sealing);
        if ((await redis.eval(REPLACE, 1, key, mine, sealed, REMEMBERED_MS)) !== null) return token;
        const { session } = await this.sessions.authenticate(token); // it took too long, and another one was made
        await this.sessions.revoke(session.userId, session.id);
      }
    }
    throw new SessionError('session_store_unavailable');
  }
}

interface OldSession {
  readonly sid: string;
  readonly userId: string;
  readonly data: object;
}

function unless(code: string) {
  return (error: unknown) => {
    if (!(error instanceof SessionError && error.code === code)) throw error;
  };
}

function sidOf(request: Request): string | undefined {
  const [, value = ''] =
    new RegExp(`(?:^|; *)${COOKIE}=s(?:%3A|:)([^;]*)`).exec(request.headers.cookie ?? '') ?? [];
  try {
    return unsign(decodeURIComponent(value), SECRET) || undefined;
  } catch {
    return undefined;
  }
}
