import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import * as fc from 'fast-check';
import type { QuotaPolicy } from '../../libs/session/src/model/quota.js';
import { ThrottleScripts } from '../../libs/session/src/redis/scripts/throttle.js';
import { MemorySessionRepository } from '../../libs/session/src/storage/memory/session-repository.js';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import type {
  RepositorySettings,
  SessionRepository,
} from '../../libs/session/src/storage/contract/session-repository.js';
import {
  ContractTest,
  lifetimeOf,
  RELAXED_SETTINGS,
} from '../../libs/session/src/testing/contract/support.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

const HOUR_MS = 3_600_000;
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

interface Stepping {
  readonly repository: SessionRepository;
  advance(ms: number): Promise<unknown>;
  stepBack(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** No test can set Redis's clock: all that is kept moves ahead instead. */
async function moveAhead(redis: Redis, ms: number): Promise<void> {
  const us = (packed: Buffer, at: number): void => {
    const value = packed.readUIntBE(at, 3) * 2 ** 32 + packed.readUInt32BE(at + 3) + ms * 1_000;
    packed.writeUIntBE(Math.floor(value / 2 ** 32), at, 3);
    packed.writeUInt32BE(value % 2 ** 32, at + 3);
  };
  for (const key of await redis.keys('lk:*')) {
    const endsInMs = await redis.pttl(key);
    if (endsInMs > 0) await redis.pexpire(key, endsInMs + ms);
    if (key.startsWith('lk:quota')) {
      await redis.set(key, String(Number(await redis.get(key)) + ms * 1_000), 'KEEPTTL');
    } else if (key.startsWith('lk:throttle')) {
      const hits = (await redis.getBuffer(key))!;
      if (hits.readUIntBE(0, 6) > 0) us(hits, 0);
      for (let at = 7; at < hits.length; at += 11) us(hits, at);
      await redis.set(key, hits, 'KEEPTTL');
    } else if (key.endsWith(':user')) {
      for (const [field, value] of Object.entries(await redis.hgetallBuffer(key))) {
        if (field.startsWith('q:')) us(value, 0);
        else if (field.length === 16) value.writeUIntBE(value.readUIntBE(37, 6) + ms, 37, 6);
        await redis.hset(key, field, value);
      }
    }
  }
}

const kinds: Record<string, (settings: RepositorySettings) => Promise<Stepping>> = {
  memory: async (settings) => {
    let now = Date.UTC(2026, 0, 1, 12);
    const repository = new MemorySessionRepository(settings, { now: () => now });
    return {
      repository,
      advance: async (ms) => (now += ms),
      stepBack: async (ms) => void (now -= ms),
      close: () => repository.close(),
    };
  },
  redis: async (settings) => {
    await server.client().flushall();
    const options = { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: PATIENT_MS };
    const repository = await openRedisRepository(options, settings);
    return {
      repository,
      advance: (ms) => sleep(ms),
      stepBack: (ms) => moveAhead(server.client(), ms),
      close: () => repository.close(),
    };
  },
};

/** One comes back every 400 ms. */
const policy: QuotaPolicy = { name: 'posts', quota: 5, windowMs: 2_000, burst: 2 };

describe.each(Object.entries(kinds))('a clock that steps back under %s', (_, open) => {
  let stepping: Stepping;
  let test: ContractTest;
  const begin = async (settings: Partial<RepositorySettings> = {}) => {
    stepping = await open({ ...RELAXED_SETTINGS, ...settings });
    test = new ContractTest({ ...stepping, advance: async (ms) => void (await stepping.advance(ms)) });
  };
  afterEach(() => stepping.close());

  it('refuses by a quota for no longer than its burst takes, however far the step', async () => {
    await begin();
    const { proof } = await test.login();
    const byUser = [{ ...policy, by: 'user' as const }];
    const take = (partition: { key: string } | { userId: string }) =>
      stepping.repository.quota({ operation: 'consume', policy, partition, cost: 1 });
    const asks = [
      async () => {
        const found = await stepping.repository.authenticate(proof, { touchIfRoles: [], quotas: byUser });
        return found.kind === 'known' && found.quotas[0]!;
      },
      () => take({ key: '192.0.2.7' }),
      () => take({ userId: 'bob' }),
    ];
    const askAll = () => Promise.all(asks.map((ask) => ask()));
    for (const found of await askAll()) expect(found).toMatchObject({ allowed: true });
    await stepping.stepBack(HOUR_MS);
    for (const found of await askAll()) {
      expect(found).toMatchObject({ allowed: false });
      expect(found && found.retryAfterMs).toBeLessThanOrEqual(400);
    }
    await stepping.advance(450);
    for (const found of await askAll()) expect(found).toMatchObject({ allowed: true });
  });

  it('lengthens no session after its next request, neither timeout', async () => {
    await begin({ touchIntervalMs: 60_000 });
    const [one, other] = [
      await test.login({ lifetime: lifetimeOf(400, HOUR_MS) }),
      await test.login({ lifetime: lifetimeOf(0, 400) }),
    ];
    await stepping.stepBack(HOUR_MS);
    for (const { proof } of [one, other]) {
      const { session, now } = await test.lookUp(proof);
      const { createdAt, lastSeenAt, authenticatedAt } = session;
      expect([createdAt, lastSeenAt, authenticatedAt]).toEqual([now, now, now]);
      expect(session.expiresAt).toBe(now + 400);
    }
    await stepping.advance(450);
    expect(await test.statuses([one, other])).toEqual(['expired', 'expired']);
  });

  it('makes no activity of a request without the role that counts', async () => {
    await begin();
    const { proof, session } = await test.login();
    await stepping.stepBack(HOUR_MS);
    const { session: denied } = await test.lookUp(proof, [['admin']]);
    expect(denied.lastSeenAt).toBeGreaterThanOrEqual(session.lastSeenAt);
    expect((await test.lookUp(proof)).session.lastSeenAt).toBeLessThan(denied.lastSeenAt);
  });

  it('lengthens no session over its next refresh', async () => {
    await begin();
    const bytes = (fill: number, length = 32) => Buffer.alloc(length, fill);
    const family = { familyHash: bytes(1), refreshHash: bytes(2), accessTokenTtlMs: 100 };
    const { proof } = await test.login({ family, lifetime: lifetimeOf(400, HOUR_MS) });
    await stepping.stepBack(HOUR_MS);
    const refreshed = await stepping.repository.refresh({
      proof: { ...proof, ...family },
      offer: { salt: bytes(3, 16), refreshHash: bytes(4), tokenHash: bytes(5) },
      device: { userAgent: '', ip: '' },
      accessTokenTtlMs: 100,
      graceMs: 0,
    });
    if (!('rotatedAt' in refreshed)) throw new Error('It was not refreshed');
    expect(refreshed.session.expiresAt).toBe(refreshed.rotatedAt + 400);
    expect(refreshed.tokenEndsAt).toBe(refreshed.rotatedAt + 100);
  });
});

it('a wait that was told is enough, over whatever steps and requests came before', async () => {
  const moves = fc.array(
    fc.oneof(
      fc.record({ ask: fc.integer({ min: 1, max: 2 }) }),
      fc.record({ advance: fc.integer({ min: 1, max: 900 }) }),
      fc.record({ stepBack: fc.integer({ min: 1, max: HOUR_MS }) }),
    ),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      const memory = await kinds['memory']!(RELAXED_SETTINGS);
      const ask = (cost: number) =>
        memory.repository.quota({ operation: 'consume', policy, partition: { key: 'a' }, cost });
      for (const move of all) {
        if ('ask' in move) await ask(move.ask);
        else if ('advance' in move) await memory.advance(move.advance);
        else await memory.stepBack(move.stepBack);
      }
      const { allowed, retryAfterMs } = await ask(1);
      expect(retryAfterMs).toBeLessThanOrEqual(400);
      await memory.advance(retryAfterMs);
      expect(allowed || (await ask(1)).allowed).toBe(true);
    }),
  );
});

it.each([0, 300])(
  'a throttler refuses for no longer than its window, blocking for %i ms',
  async (blockMs) => {
    await server.client().flushall();
    const options = { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: PATIENT_MS };
    const on = await openRedisRepository(options, RELAXED_SETTINGS);
    const throttle = new ThrottleScripts(on.connection, on.keys);
    const hit = () => throttle.hit('default', 'me', { ttlUs: 400_000, limit: 2, blockUs: blockMs * 1_000 });
    for (let i = 0; i < 3; i++) await hit();
    await moveAhead(server.client(), HOUR_MS);
    expect((await hit())[2]).toBe(1);
    await sleep(850);
    expect((await hit())[2]).toBe(0);
    await on.close();
  },
);
