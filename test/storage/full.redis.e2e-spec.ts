import { RELAXED_AUDIT } from '../../libs/session/src/testing/contract/audit.js';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Client } from '../sample/support/client.js';
import { Sample } from '../sample/support/sample.js';
import { RedisServer } from '../support/redis-server.js';

let server: RedisServer;
let admin: Redis;
let sample: Sample;
let moderator: Client;
let alice: Client;

beforeAll(async () => {
  server = await RedisServer.start();
  admin = server.client();
  sample = await Sample.start({ env: { REDIS_URL: server.url, TRUST_PROXY: '1' } });
  const until = performance.now() + 20_000;
  for (;;) {
    try {
      [moderator, alice] = [await sample.as('mia'), await sample.as('alice')];
      break;
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(50); // the demo accounts are being made
    }
  }
  // Full to the brim, as an app's own data may make it.
  const used = await memory();
  await admin.config('SET', 'maxmemory', String(used + 2_000_000));
  for (let i = 0; ; i++) {
    try {
      await admin.set(`filler:${i}`, 'x'.repeat(50_000));
    } catch {
      break;
    }
  }
  // Buffers of connections come and go: well over the limit, no moment has room.
  await admin.config('SET', 'maxmemory', String(used + 1_000_000));
}, 60_000);
afterAll(async () => {
  await sample.stop();
  await server.stop();
});

async function memory(): Promise<number> {
  return Number(/used_memory_dataset:(\d+)/.exec(await admin.info('memory'))?.[1]);
}

const addressOf = (i: number): string => `2001:db8:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::1`;

describe('a Redis that is full', () => {
  it('does not grow by what is sent without a session, from however many addresses', async () => {
    const send = async (i: number): Promise<number> => {
      const headers = { 'content-type': 'application/json', 'x-forwarded-for': addressOf(i) };
      const username = `nobody-${i}`;
      const json = (body: object) => ({ method: 'POST', headers, body: JSON.stringify(body) });
      const token = `lk_${'A'.repeat(22)}${String(i).padStart(16, '0')}${'B'.repeat(43)}`;
      const responses = await Promise.all([
        fetch(
          `${sample.url}/auth/login`,
          json({ username, password: 'wrong password', transport: 'bearer' }),
        ),
        fetch(`${sample.url}/auth/register`, json({ username, password: 'a long enough password' })),
        fetch(`${sample.url}/auth/password-reset`, json({ username })),
        fetch(`${sample.url}/auth/me`, { headers: { ...headers, authorization: `Bearer ${token}` } }),
        fetch(`${sample.url}/posts`, { headers }),
      ]);
      await Promise.all(responses.map((response) => response.arrayBuffer()));
      return Math.max(...responses.map(({ status }) => status));
    };
    await send(0);
    const [keys, used] = [new Set(await admin.keys('*')), await memory()];
    const statuses = new Set<number>();
    for (let i = 1; i < 800; i += 20) {
      const replies = await Promise.all(Array.from({ length: 20 }, (_, k) => send(i + k)));
      for (const status of replies) statuses.add(status);
    }
    // Not a count: keys that were there may run out meanwhile.
    expect((await admin.keys('*')).filter((key) => !keys.has(key))).toEqual([]);
    expect((await memory()) - used).toBeLessThan(50_000);
    expect([...statuses].every((status) => status < 500 || status === 503)).toBe(true);
  }, 60_000);

  it('takes no logins', async () => {
    const json = { username: 'alice', password: 'correct-horse-alice', transport: 'bearer' };
    await sample.anybody().post('/auth/login', json).expect(503);
  });

  it('still checks, blocks, unblocks, changes roles and revokes, each with its audit entry', async () => {
    await alice.get('/auth/me').expect(200);
    await moderator.post(`/moderation/users/${alice.userId}/block`, { reason: 'spam' }).expect((reply) => {
      expect([200, 201]).toContain(reply.status);
    });
    await alice.get('/auth/me').expect(403);
    await moderator.delete(`/moderation/users/${alice.userId}/block`).expect((reply) => {
      expect(reply.status).toBeLessThan(300);
    });
    await alice.get('/auth/me').expect(401);
    const audit = await moderator.get('/moderation/audit').expect(200);
    const actions = (audit.body.events as { action: string }[]).map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(['user.block', 'user.unblock']));
  });

  it('bounds even the acts of those who are known', async () => {
    const { RedisAuditRepository } = await import('../../libs/session/src/storage/redis/audit-repository.js');
    const { AuditScripts } = await import('../../libs/session/src/redis/scripts/audit.js');
    const { RedisConnection } = await import('../../libs/session/src/redis/calls/connection.js');
    const { RedisKeys } = await import('../../libs/session/src/redis/records/keys.js');
    const connection = await RedisConnection.open({ redis: server.url, commandTimeoutMs: 2_000 });
    const settings = { ...RELAXED_AUDIT, retentionMs: 86_400_000, maxDenials: 1_000 };
    const repository = new RedisAuditRepository(
      new AuditScripts(connection, new RedisKeys('other')),
      settings,
    );
    await expect(repository.begin({ action: 'password.reset' })).rejects.toMatchObject({
      code: 'session_store_unavailable',
    });
    const ends = await Promise.allSettled(
      Array.from({ length: 1_200 }, () => repository.begin({ action: 'user.block', actorId: 'mia' })),
    );
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1_000);
    await connection.close();
  });
});
