import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AuditLog } from '@latchkey/session';
import { redisStorage } from '../../libs/session/src/storage/open-storage.js';
import { sessionsOn } from '../support/sessions-on.js';
import { AppProcess } from '../support/app-process.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { RELAXED_AUDIT } from '../../libs/session/src/testing/contract/audit.js';
import { auditOn } from './support/audit-on.js';

const ROOT = join(__dirname, '../..');
const BLOCK = { action: 'user.block', actorId: 'mia', targetId: 'alice', ip: '192.0.2.7' };

describe('the audit log of several nodes', () => {
  let server: RedisServer;
  const nodes: Awaited<ReturnType<typeof auditOn>>[] = [];
  const node = async (...args: [settings?: Parameters<typeof auditOn>[1]]) => {
    const made = await auditOn(server.url, ...args);
    nodes.push(made);
    return made;
  };

  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(({ close }) => close()));
    await server.stop();
  });

  it('loses nothing of what they write at once, and keeps the order of each', async () => {
    const [writers, each] = [4, 100];
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        const { audit } = await node({ maxDenials: 10_000 });
        for (let n = 0; n < each; n++) {
          const entry = { action: 'login', actorId: `writer-${writer}`, details: { n } };
          if (n % 2) await audit.append({ ...entry, outcome: 'denied' });
          else await audit.record(entry, () => Promise.resolve());
        }
      }),
    );
    const { audit } = await node({ maxDenials: 10_000 });
    const entries = [];
    let before: string | undefined;
    do {
      const page = await audit.read({ limit: 64, ...(before ? { before } : {}) });
      entries.push(...page.entries);
      before = page.next;
    } while (before !== undefined);
    expect(entries).toHaveLength(writers * each);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(writers * each);
    for (let writer = 0; writer < writers; writer++) {
      const own = entries.filter(({ actorId }) => actorId === `writer-${writer}`);
      expect(own.map(({ details }) => details['n'])).toEqual(
        Array.from({ length: each }, (_, i) => each - 1 - i),
      );
    }
    const instants = entries.map(({ at }) => at);
    expect(instants).toEqual([...instants].sort((a, b) => b - a));
  });

  it('has an entry for a block by a process that died before it could say that it was done', async () => {
    await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-needed']);
    const { users, audit } = await node({ abandonedAfterMs: 100 });
    await users.ensure('alice');
    const ended = await AppProcess.runToEnd({
      entry: join(__dirname, 'support/die-in-act.mjs'),
      env: { REDIS_URL: server.url },
    });
    expect(ended).toEqual({ code: -9, output: '' });
    expect((await users.get('alice'))?.status).toBe('blocked');
    await sleep(150);
    expect((await audit.read()).entries).toEqual([
      {
        ...BLOCK,
        id: expect.any(String),
        at: expect.any(Number),
        outcome: 'unknown',
        details: { reason: 'Spam' },
      },
    ]);
    const { audit: another } = await node({ abandonedAfterMs: 100 });
    expect((await another.read()).entries).toHaveLength(1);
  }, 120_000); // it may have to build

  it('does nothing that it could not announce, and nothing is announced to a Redis that is away', async () => {
    const { audit } = await node();
    await server.kill();
    const performed: string[] = [];
    await expect(audit.record(BLOCK, async () => performed.push('block'))).rejects.toMatchObject({
      code: 'session_store_unavailable',
    });
    expect(performed).toEqual([]);
  });

  it('finds an act unknown when Redis went away in the middle of it, and the act itself has its own result', async () => {
    const { audit, users, log } = await node({ abandonedAfterMs: 100 });
    await users.ensure('alice');
    await expect(
      audit.record(BLOCK, async () => {
        server.freeze();
        return users.block('alice', { reason: 'Spam' });
      }),
    ).rejects.toMatchObject({ code: 'session_store_unavailable' });
    server.thaw();
    await sleep(700);
    expect((await audit.read()).entries).toMatchObject([{ ...BLOCK, outcome: 'unknown' }]);

    const result = await audit.record(BLOCK, async () => {
      server.freeze();
      return 'done';
    });
    expect(result).toBe('done');
    expect(log).toEqual([expect.stringContaining('was not written')]);
    server.thaw();
  });

  it('in a full Redis still writes down acts, and no denials', async () => {
    const { audit, users } = await node();
    await users.ensure('alice');
    const client = server.client();
    const info = await client.info('memory');
    await client.config('SET', 'maxmemory', String(Number(/used_memory:(\d+)/.exec(info)?.[1]) - 1_000));
    await expect(audit.append({ action: 'login', outcome: 'denied' })).rejects.toMatchObject({
      code: 'session_store_unavailable',
    });
    await audit.record(BLOCK, () => users.block('alice', { reason: 'Spam' }));
    expect((await audit.read()).entries).toMatchObject([{ ...BLOCK, outcome: 'ok' }]);
  });

  it('leaves nothing for ever: its keys expire when nobody writes any more', async () => {
    const { audit } = await node();
    await audit.append({ ...BLOCK, outcome: 'ok' });
    await audit.append({ ...BLOCK, outcome: 'denied' });
    await audit.record(BLOCK, () => Promise.resolve());
    const client = server.client();
    const keys = ['acts', 'denials', 'lastId'].map((name) => `lk:{audit}:${name}`);
    for (const key of keys) {
      const ttl = await client.pttl(key);
      expect(ttl).toBeGreaterThan(RELAXED_AUDIT.retentionMs - 5_000);
      expect(ttl).toBeLessThanOrEqual(RELAXED_AUDIT.retentionMs);
    }
    expect(await client.xlen('lk:{audit}:pending')).toBe(0);
    expect((await client.keys('*')).sort()).toEqual([...keys, 'lk:{audit}:pending'].sort());
  });
});

it('the audit log works in a Cluster: all of it is on one slot', async () => {
  const cluster = await RedisCluster.start();
  const on = await sessionsOn(cluster.client());
  const audit = new AuditLog(redisStorage(on.repository, RELAXED_AUDIT).audit);
  await audit.append({ action: 'login', outcome: 'denied' });
  await on.users.ensure('alice');
  await audit.record(BLOCK, () => on.users.block('alice', { reason: 'Spam' }));
  expect((await audit.read()).entries.map(({ outcome }) => outcome)).toEqual(['ok', 'denied']);
  await on.close();
  await cluster.stop();
});
