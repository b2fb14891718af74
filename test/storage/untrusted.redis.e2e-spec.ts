import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  AuditLog,
  IpAllowlists,
  OneTimeTokens,
  RateLimiter,
  SessionError,
  SessionEvents,
  SessionModule,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { RedisThrottlerStorage } from '@latchkey/session/throttler';
import type { Redis } from 'ioredis';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { RedisServer } from '../support/redis-server.js';

let server: RedisServer;
let admin: Redis;
let app: INestApplicationContext;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeAll(async () => {
  process.on('unhandledRejection', note).on('uncaughtException', note);
  server = await RedisServer.start();
  admin = server.client();
  app = await NestFactory.createApplicationContext(
    SessionModule.forRoot({ redis: server.url, refresh: true, commandTimeoutMs: 2_000 }),
    { logger: false },
  );
});
beforeEach(() => admin.flushall());
afterAll(async () => {
  await app.close();
  await server.stop();
  process.off('unhandledRejection', note).off('uncaughtException', note);
});

const sessions = () => app.get(SessionService);
const users = () => app.get(UserStateService);
const POSTS = { name: 'posts', quota: 5, window: '1h' } as const;

/** Bytes of every kind that a record may turn into. */
function junk(): Buffer {
  const kinds = [
    () => randomBytes(randomInt(0, 90)),
    () => Buffer.alloc(randomInt(0, 70), randomInt(0, 2) * 255),
    () =>
      Buffer.from(
        ['', 'x', '{', 'null', '[]', '-1', '1e999', 'NaN', '\u0000', '9'.repeat(40)][randomInt(0, 10)]!,
      ),
  ];
  return kinds[randomInt(0, kinds.length)]!();
}

/** Either an answer, or an error that says what it is: never a TypeError, a RangeError or the like. */
async function expectHonest(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    expect(error.statusCode === 503 || error.statusCode < 500).toBe(true);
  }
}

async function life() {
  await users().ensure('ada', { roles: ['user'] });
  await users().ensure('mia', { roles: ['moderator'] });
  await users().setIpAllowlist('mia', ['192.0.2.0/24']);
  const { token, refreshToken, session } = await sessions().create('ada', { data: { cart: 1 } });
  const once = await app.get(OneTimeTokens).issue('email-proof', 'ada', { ttl: '1h' });
  await app.get(IpAllowlists).set('office', ['192.0.2.0/24']);
  await app.get(RateLimiter).consume(POSTS, 'ada');
  const hits = RedisThrottlerStorage.beside(app.get(RateLimiter));
  await hits.increment('ada', 60_000, 5, 0, 'default');
  await app.get(AuditLog).append({ action: 'user.block', actorId: 'mia', targetId: 'ada', outcome: 'ok' });
  const { nodes } = app.get<SessionRepository>(SESSION_REPOSITORY, { strict: false });
  const act = { userRef: userRefOf('ada'), version: 1 };
  await nodes.register('node-1');
  await nodes.confirm('node-1', act, 1);
  const known = (await sessions().authenticate(token)).session;
  const calls: (() => Promise<unknown>)[] = [
    () => sessions().authenticate(token, { roleGroups: [], withData: true }),
    () => sessions().authenticate(token, { roleGroups: [['user']] }),
    () => sessions().refresh(refreshToken),
    () => sessions().data(known).get('cart'),
    () => sessions().data(known).set('cart', 2),
    () => sessions().replaceToken(known),
    () => sessions().list('ada'),
    () => sessions().sweep('ada'),
    () => sessions().create('ada'),
    () => users().get('ada'),
    () => users().get('mia'),
    () => users().grant('ada', 'editor'),
    () => users().setIpAllowlist('mia', null),
    () => users().block('ada', { reason: 'spam' }),
    () => app.get(OneTimeTokens).consume(once.token, 'email-proof'),
    () => app.get(IpAllowlists).get('office'),
    () => app.get(IpAllowlists).set('office', ['::1']),
    () => app.get(RateLimiter).peek(POSTS, 'ada'),
    () => app.get(RateLimiter).consume(POSTS, 'ada'),
    () => hits.increment('ada', 60_000, 5, 0, 'default'),
    () => app.get(AuditLog).read(),
    () => nodes.confirmations(act),
    () => nodes.register('node-1'),
    () => sessions().revoke('ada', session.id),
    () => sessions().revokeAll('ada'),
    () => users().erase('mia'),
  ];
  return { token, refreshToken: refreshToken as string, known, once, calls };
}

/** Puts something else in the place of one value, field or key. */
async function damage(): Promise<void> {
  const keys = await admin.keys('*');
  const key = keys[randomInt(0, keys.length)] as string;
  const kind = await admin.type(key);
  if (randomInt(0, 8) === 0) {
    await admin.del(key);
    const replace = [
      () => admin.set(key, junk()),
      () => admin.rpush(key, junk()),
      () => admin.hset(key, 'x', junk()),
    ];
    await replace[randomInt(0, replace.length)]!();
  } else if (kind === 'hash') {
    const fields = await admin.hkeys(key);
    await admin.hset(key, fields[randomInt(0, fields.length)] as string, junk());
  } else if (kind === 'string') {
    await admin.set(key, junk());
  } else if (kind === 'stream') {
    await admin.xadd(key, '*', junk(), junk());
  } else if (kind === 'zset') {
    await admin.zadd(key, Date.now() + 60_000, junk());
  }
}

describe('what somebody else has written into Redis', () => {
  it('ends no call but with an honest error, whatever key it is in', async () => {
    for (let round = 0; round < 15; round++) {
      await admin.flushall();
      const { calls } = await life();
      for (let i = 0; i <= round % 4; i++) await damage();
      for (const call of calls) await expectHonest(call);
    }
    await sleep(50);
    expect(unhandled).toEqual([]);
  }, 120_000);

  it('in a device that is none, makes the list of sessions unavailable', async () => {
    const { known } = await life();
    await admin.hset(`lk:{${userRefOf('ada')}}:user`, `${known.id}:d`, 'z');
    await expect(sessions().list('ada')).rejects.toMatchObject({ code: 'session_store_unavailable' });
  });

  it('hides no other entry of the audit log', async () => {
    const log = app.get(AuditLog);
    await log.append({ action: 'user.block', actorId: 'mia', outcome: 'ok' });
    const stream = 'lk:{audit}:acts';
    await admin.xadd(stream, '*', 'action', 'x');
    await admin.xadd(stream, '*', 'outcome', 'ok', 'action', 'x', 'details', 'null');
    await admin.xadd(stream, '*', 'outcome', 'ok', 'action', 'x', 'details', '{');
    await sleep(5); // by its ID, it is the newest
    await log.append({ action: 'user.unblock', actorId: 'mia', outcome: 'ok' });
    const { entries } = await log.read();
    expect(entries.map(({ action }) => action)).toEqual(['user.unblock', 'user.block']);
  });

  it('is dropped where it says it is an event, and the next one is heard', async () => {
    const heard: unknown[] = [];
    const events = app.get(SessionEvents);
    await events.on('user.blocked', (event) => heard.push(event));
    const ref = userRefOf('ada');
    const good = `user.blocked ${ref} 5 6 - ada`;
    const lines: (string | Buffer)[] = [
      '',
      ' ',
      `user.blocked ${userRefOf('eve')} 5 6 - ada`,
      `user.blocked ${ref} ${'9'.repeat(30)} 6 - ada`,
      `user.blocked ${ref} 5 ${'9'.repeat(30)} - ada`,
      `user.blocked ${ref} 5 6 not-a-session ada`,
      'user.blocked x 5 6 - \ud800',
      `refresh.reused ${ref} 5 6 - %ZZ %E0%A4%A %00 ~~ ada`,
      `refresh.device_changed ${ref} 5 6 - ~AAAA - ~ - ada`,
      `ip_list.changed office ${'9'.repeat(30)}`,
      `ip_list.changed __proto__ 1`,
      'x'.repeat(1_000_000),
      ...Array.from({ length: 300 }, () => junk()),
      ...Array.from({ length: 300 }, () => {
        const bytes = Buffer.from(good);
        for (let i = 0; i < 3; i++) bytes[randomInt(0, bytes.length)] = randomInt(0, 256);
        return bytes;
      }),
    ];
    for (const line of lines) await admin.publish('lk:events', line);
    await admin.publish('lk:events', good);
    await sleep(200);
    expect(heard.at(-1)).toMatchObject({ userId: 'ada', userRef: ref, version: 5, epoch: 6 });
    for (const event of heard as { userId: string; userRef: string }[]) {
      expect(userRefOf(event.userId)).toBe(event.userRef);
    }
    expect(unhandled).toEqual([]);
  });
});

describe("a record that says it is another user's", () => {
  it.each(['eve', '', 'ADA', 'ada ', Buffer.from([0xff, 0xfe])])('(%p) serves nobody', async (id) => {
    const { token, refreshToken, known, once } = await life();
    const key = `lk:{${userRefOf('ada')}}:user`;
    await admin.hset(key, 'id', id);
    const invalid = { code: 'session_invalid' };
    const away = { code: 'session_store_unavailable' };
    await expect(sessions().authenticate(token)).rejects.toMatchObject(invalid);
    await expect(sessions().refresh(refreshToken)).rejects.toMatchObject(invalid);
    await expect(sessions().replaceToken(known)).rejects.toMatchObject(away);
    await expect(sessions().list('ada')).rejects.toMatchObject(away);
    await expect(sessions().create('ada')).rejects.toMatchObject(away);
    await expect(users().get('ada')).rejects.toMatchObject(away);
    await expect(users().block('ada', { reason: 'spam' })).rejects.toMatchObject(away);
    await expect(app.get(OneTimeTokens).consume(once.token, 'email-proof')).rejects.toMatchObject({
      code: 'token_invalid',
    });
  });

  it('is not loaded for anybody', async () => {
    const asked: string[] = [];
    const other = await NestFactory.createApplicationContext(
      SessionModule.forRoot({
        redis: server.url,
        keyPrefix: 'other',
        maxStateAge: 1_000,
        userDirectory: {
          load: async (userId: string) => {
            asked.push(userId);
            return { roles: ['user'] };
          },
        },
      }),
      { logger: false },
    );
    const { token } = await other.get(SessionService).create('ada');
    const key = `other:{${userRefOf('ada')}}:user`;
    await admin.hset(key, 'id', 'eve');
    await admin.hdel(key, 'l');
    asked.length = 0;
    await expect(other.get(SessionService).authenticate(token)).rejects.toMatchObject({
      code: 'session_invalid',
    });
    expect(asked).toEqual([]);
    await other.close();
  });
});
