import type { KeyObject } from 'node:crypto';
import type { JwtKey } from '@latchkey/session/jwt';
import { FakeClock } from '@latchkey/session/testing';
import { IpPolicy } from '../../libs/session/src/services/ip/ip-policy.service.js';
import type { Clock } from '../../libs/session/src/basics/clock.js';
import { MemoryAuditRepository } from '../../libs/session/src/storage/memory/audit-repository.js';
import { MemorySessionRepository } from '../../libs/session/src/storage/memory/session-repository.js';
import { openAccessTokens } from '../../libs/session/src/services/sessions/access-tokens.js';
import { checkOptions } from '../../libs/session/src/options/checks/options-check.js';
import { SessionService } from '../../libs/session/src/services/sessions/session.service.js';
import { UserStateService } from '../../libs/session/src/services/users/user-state.service.js';
import { compact, contentOf, newKey, ringKey } from './support/keys.js';

const MINUTE = 60_000;
const LIFETIME = 60 * MINUTE;
const TOLERANCE = 30_000;
const ROTATION = 30 * MINUTE;
const STEP = MINUTE;
const STEPS = (8 * 60 * MINUTE) / STEP;

interface Scheduled {
  readonly kid: string;
  readonly ring: JwtKey;
  readonly key: KeyObject;
  readonly activeAt: number;
  readonly retiredAt: number;
}

/** A new key every half hour; each is retired when the last session that it signed for is over. */
function schedule(startAt: number): Scheduled[] {
  return Array.from({ length: 24 }, (_, i) => {
    const activeAt = startAt + (i - 1) * ROTATION;
    const key = newKey('ES256');
    const when = { activeAt, retiredAt: activeAt + ROTATION + LIFETIME + 2 * TOLERANCE };
    const kid = `key-${i}`;
    return { kid, ring: ringKey(kid, key, when), key, ...when };
  });
}

describe('eight hours on two nodes with a new key every half hour', () => {
  it('refuse no session that lives, and accept no key that is retired', async () => {
    const clock = new FakeClock();
    const keys = schedule(clock.now());
    const options = {
      lifetime: { inactivityTimeout: LIFETIME, absoluteTimeout: LIFETIME },
      maxSessionsPerUser: 10_000,
      accessToken: 'jwt',
      jwt: {
        algorithm: 'ES256',
        issuer: 'https://app.example',
        audience: 'https://api.example',
        clockTolerance: TOLERANCE,
        // What the nodes fetch has a key five minutes before it signs, and no longer than it is accepted.
        keys: () =>
          keys
            .filter(
              ({ activeAt, retiredAt }) => activeAt - 5 * MINUTE <= clock.now() && clock.now() < retiredAt,
            )
            .map(({ ring }) => ring),
      },
    } as const;
    const settings = checkOptions({ ...options, clock }, 'test');
    const repository = new MemorySessionRepository(settings, clock);
    let asked = 0;
    const authenticate = repository.authenticate.bind(repository);
    repository.authenticate = (...args) => {
      asked += 1;
      return authenticate(...args);
    };
    const node = async (ownClock: Clock): Promise<SessionService> =>
      new SessionService(
        repository,
        settings,
        await openAccessTokens(settings, ownClock),
        new UserStateService(repository, settings, new MemoryAuditRepository(settings.audit, clock)),
        new IpPolicy(repository, settings),
      );
    // Their clocks differ, and so do the moments at which they fetch.
    const nodes = [
      await node({ now: () => clock.now() - 4_000 }),
      await node({ now: () => clock.now() + 9_000 }),
    ] as const;

    const issued: { token: string; createdAt: number }[] = [];
    const signedBy = new Set<unknown>();
    const wrong: string[] = [];
    let permitted = 0;
    let withRetiredKeys = 0;
    const expectDenial = async (
      token: string,
      by: SessionService,
      reason: string | undefined,
      what: string,
    ) => {
      const decision = await by.decide(token);
      const found = decision.permit ? undefined : decision.reason;
      if (decision.permit) permitted += 1;
      if (found !== reason) wrong.push(`${what}: ${found ?? 'permitted'}`);
    };

    for (let step = 0; step < STEPS; step++) {
      const now = clock.now();
      const made = await Promise.all(nodes.map((one) => one.create(`user-${step % 50}`)));
      for (const { token } of made) {
        issued.push({ token, createdAt: now });
        signedBy.add(contentOf(token).header['kid']);
      }
      // Every node is shown the newest tokens, the oldest that live, and some in between.
      const living = issued.filter(({ createdAt }) => now - createdAt < LIFETIME);
      const shown = [
        ...living.slice(-2),
        ...living.slice(0, 2),
        ...living.slice(step % living.length).slice(0, 3),
      ];
      await Promise.all(
        shown.flatMap(({ token }) =>
          nodes.map((one) => expectDenial(token, one, undefined, `step ${step}, living`)),
        ),
      );
      // The rest of the token is as good as can be: only the key is one that is over, or not.
      const { header, claims } = contentOf(made[0]?.token ?? '');
      for (const { kid, key, activeAt, retiredAt } of keys.slice(0, 20)) {
        const isRetired = now - 4_000 >= retiredAt;
        if (!isRetired && (activeAt > now || now + 9_000 >= retiredAt)) continue;
        const token = compact({ ...header, kid }, claims, { algorithm: 'ES256', key });
        const before = asked;
        const reason = isRetired ? 'session_invalid' : undefined;
        for (const one of nodes) await expectDenial(token, one, reason, `step ${step}, ${kid}`);
        if (isRetired) withRetiredKeys += 1;
        if (isRetired && asked !== before) wrong.push(`step ${step}: the repository was asked for ${kid}`);
      }
      clock.advance(STEP);
    }
    expect(wrong).toEqual([]);
    expect(signedBy.size).toBe(17);
    expect(permitted).toBeGreaterThan(5_000);
    expect(withRetiredKeys).toBeGreaterThan(2_500);
  }, 120_000);
});
