import type { DoctorReport } from '@latchkey/session/cli';
import { redisClientOptions } from '@latchkey/session';
import { Cluster } from 'ioredis';
import { RedisCluster } from '../support/redis-cluster.js';
import { sessionsOn } from '../support/sessions-on.js';
import { cli } from './support/cli.js';

it('latchkey doctor looks at every primary of a Cluster, by the client of the configuration', async () => {
  const cluster = await RedisCluster.start();
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
  const redis = new Cluster(nodes, {
    enableOfflineQueue: false,
    redisOptions: redisClientOptions(2_000) as object,
  });
  try {
    const node = await sessionsOn(redis);
    for (const user of ['ada', 'bob', 'eve', 'mia']) await node.sessions.create(user);
    const load = () => Promise.resolve({ default: () => ({ redis, commandTimeoutMs: 10_000 }) });
    const { code, out, err } = await cli(
      ['doctor', '--json', '--config', 'cluster.mjs'],
      {},
      undefined,
      load,
    );
    expect([code, err]).toEqual([1, '']);
    const { findings, redis: place } = JSON.parse(out) as DoctorReport;
    expect(place).toBe('a Cluster');
    // Servers of tests keep nothing over a restart.
    const warned = findings.filter(({ level }) => level !== 'ok');
    const primaries = redis.nodes('master').map(({ options }) => `${options.host}:${options.port} none`);
    expect(warned.map(({ what }) => what.split(':', 2).join(':')).sort()).toEqual(primaries.sort());
    expect(findings.find(({ check }) => check === 'session size')?.values).toMatchObject({
      sessions: 4,
      users: 4,
    });
    expect(redis.status).toBe('ready'); // it is the configuration's
    await node.close();
  } finally {
    redis.disconnect();
    await cluster.stop();
  }
}, 60_000);
