import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisClientOptions } from '@latchkey/session';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { oneTimeOn } from './support/one-time-on.js';

const TTL = { ttl: '1h' } as const;
const RESET = 'password-reset';
const keyOf = (subject: string): string => `lk:{${userRefOf(subject)}}:once`;

describe('one-time tokens in Redis', () => {
  let dir: string;
  let server: RedisServer;
  let on: Awaited<ReturnType<typeof oneTimeOn>>;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'latchkey-once-'));
    server = await RedisServer.start({ args: ['--dir', dir, '--rdbcompression', 'no'] });
  });
  beforeEach(async () => {
    await server.client().flushall();
    on = await oneTimeOn(server.url);
  });
  afterEach(() => on.close());
  afterAll(async () => {
    await server.stop();
    rmSync(dir, { recursive: true });
  });

  it('are not on its disk in any form that works', async () => {
    const tokens: string[] = [];
    for (let i = 0; i < 30; i++) {
      tokens.push((await on.tokens.issue(RESET, `user-${i}`, { ...TTL, data: 'the data' })).token);
    }
    await server.client().save();
    const dump = readFileSync(join(dir, 'dump.rdb'));
    expect(dump.includes('the data')).toBe(true); // it is the right file, and readable
    for (const token of tokens) {
      const secret = token.slice(-43);
      for (const form of [token, secret, secret.slice(0, 20), Buffer.from(secret, 'base64url')]) {
        expect(dump.includes(form)).toBe(false);
      }
    }
  });

  it('stay no longer than the last of them can be used', async () => {
    const long = await on.tokens.issue(RESET, 'ada', { ttl: '2h' });
    await on.tokens.issue('email-proof', 'ada', { ttl: '1s' });
    expect(await server.client().keys('*')).toEqual([keyOf('ada')]);
    expect(await server.client().pexpiretime(keyOf('ada'))).toBe(long.expiresAt);
  });

  it('leave a bounded record, however many are asked for', async () => {
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 50 }, (_, n) => on.tokens.issue(`p${n % 25}`, 'ada', TTL)));
    }
    expect(await server.client().hlen(keyOf('ada'))).toBe(50 + 1);
  });

  it('cost one call each to issue, use and void, and none when they cannot be any', async () => {
    const client = server.client();
    await on.tokens.issue(RESET, 'ada', TTL);
    await on.tokens.consume((await on.tokens.issue(RESET, 'ada', TTL)).token, RESET);
    await on.tokens.revoke(RESET, 'ada'); // the server knows the scripts now
    const calls = async (): Promise<number> => {
      const stats = await client.info('commandstats');
      return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]);
    };
    const before = await calls();
    const { token } = await on.tokens.issue(RESET, 'ada', TTL);
    await on.tokens.consume(token, RESET);
    await on.tokens.revoke(RESET, 'ada');
    expect((await calls()) - before).toBe(3);
    for (const nonsense of [undefined, '', `lk_${'a'.repeat(81)}`, `lko_${'a'.repeat(80)}`]) {
      await expect(on.tokens.consume(nonsense, RESET)).rejects.toMatchObject({ code: 'token_invalid' });
    }
    expect((await calls()) - before).toBe(3);
  });

  it('refuse a subject whose name only hashes to the same', async () => {
    await on.users.ensure('ada');
    const { token } = await on.tokens.issue(RESET, 'ada', TTL);
    await server.client().hset(keyOf('ada'), 'subject', 'eve');
    await expect(on.tokens.issue(RESET, 'ada', TTL)).rejects.toMatchObject({
      code: 'session_store_unavailable',
    });
    await expect(on.tokens.consume(token, RESET)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  it('in a full Redis are neither issued nor lost', async () => {
    const { token } = await on.tokens.issue(RESET, 'ada', TTL);
    const client = server.client();
    await client.config('SET', 'maxmemory', '1');
    try {
      const away = { code: 'session_store_unavailable' };
      await expect(on.tokens.issue(RESET, 'ada', TTL)).rejects.toMatchObject(away);
      await expect(on.tokens.consume(token, RESET)).rejects.toMatchObject(away);
    } finally {
      await client.config('SET', 'maxmemory', '0');
    }
    expect(await on.tokens.consume(token, RESET)).toMatchObject({ subject: 'ada' });
  });

  it('are bound to what the UserDirectory knows, also when nobody had asked it before', async () => {
    const directory = { load: (id: string) => Promise.resolve(id === 'ada' ? { roles: [] } : undefined) };
    const node = await oneTimeOn(server.url, { userDirectory: directory });
    const { token } = await node.tokens.issue(RESET, 'ada', TTL);
    const { epoch } = await node.tokens.consume(token, RESET);
    expect(epoch).toBe((await node.users.get('ada'))?.epoch);
    const stranger = await node.tokens.issue(RESET, 'eve', TTL);
    expect(await node.tokens.consume(stranger.token, RESET)).toEqual({ subject: 'eve', data: undefined });
    await node.close();
  });
});

describe('one-time tokens in a Redis Cluster', () => {
  it('are used once, and bound to the epoch, wherever their subject lives', async () => {
    const cluster = await RedisCluster.start();
    try {
      const on = await oneTimeOn(
        cluster.client({ enableOfflineQueue: false, redisOptions: redisClientOptions() }),
      );
      for (let i = 0; i < 20; i++) {
        const id = `user-${i}`;
        await on.users.ensure(id);
        const [used, blocked] = [
          await on.tokens.issue(RESET, id, TTL),
          await on.tokens.issue(RESET, id, TTL),
        ];
        const ends = await Promise.allSettled(
          Array.from({ length: 10 }, () => on.tokens.consume(used.token, RESET)),
        );
        expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        await on.users.block(id, { reason: 'spam' });
        await expect(on.tokens.consume(blocked.token, RESET)).rejects.toMatchObject({
          code: 'token_invalid',
        });
      }
      await on.close();
    } finally {
      await cluster.stop();
    }
  }, 30_000);
});
