import { RedisKeys } from '../../redis/records/keys.js';
import { clock } from './measures.js';
import { persistence, replication, room } from './server.js';

const of = (text: string): Map<string, string> =>
  new Map(text.split(' ').map((pair) => pair.split('=') as [string, string]));

describe('latchkey doctor, where a server of a test does not go', () => {
  it.each([
    ['ok', 'loses nothing', 'aof_enabled=1', 'appendfsync=always'],
    ['ok', 'about the last second', 'aof_enabled=1', 'appendfsync=everysec'],
    ['ok', 'the system had not written', 'aof_enabled=1', 'appendfsync=no'],
    ['ok', 'not told', 'aof_enabled=1', undefined],
    ['fail', 'failed', 'aof_enabled=1 aof_last_write_status=err', 'appendfsync=always'],
    ['fail', 'failed', 'aof_enabled=0 rdb_last_bgsave_status=err', undefined],
    ['warn', 'RDB', 'aof_enabled=0 rdb_saves=3', undefined],
  ])('says %s and %p of persistence, for %p and %p', (level, says, info, config) => {
    const finding = persistence(of(info), config === undefined ? undefined : of(config));
    expect(finding).toMatchObject({ level, what: expect.stringContaining(says) as string });
  });

  it.each([
    ['ok', 'none', 'connected_slaves=0', 'min-replicas-to-write=0'],
    ['ok', 'in step', 'connected_slaves=2 min_slaves_good_slaves=2', 'min-replicas-to-write=2'],
    ['fail', '1 of the 2', 'connected_slaves=1 min_slaves_good_slaves=1', 'min-replicas-to-write=2'],
    ['fail', '0 of the demanded', 'connected_slaves=1 min_slaves_good_slaves=0', undefined],
    ['warn', 'min-replicas-to-write is 0', 'connected_slaves=2', 'min-replicas-to-write=0'],
    ['ok', 'not told', 'connected_slaves=2', undefined],
  ])('says %s and %p of replicas, for %p and %p', (level, says, info, config) => {
    const finding = replication(of(info), config === undefined ? undefined : of(config));
    expect(finding).toMatchObject({ level, what: expect.stringContaining(says) as string });
  });

  it.each([
    ['ok', 50],
    ['warn', 85],
    ['fail', 99],
  ])('says %s of a Redis that is %i %% full', (level, used) => {
    expect(room(of(`used_memory=${used} maxmemory=100`))).toMatchObject({ level });
  });

  it.each([
    ['ok', 'within', 0],
    ['warn', '5000 ms ahead of', 5_000],
    ['warn', '5000 ms behind', -5_000],
    ['fail', '60000 ms ahead of', 60_000],
  ])("says %s and %p of a clock that is %i ms off this machine's", async (level, says, offMs) => {
    const now = 1_790_000_000_000;
    const time = () => Promise.resolve([Math.floor((now + offMs) / 1_000), 0]);
    const finding = await clock({ time } as never, () => now);
    expect(finding).toMatchObject({ level, what: expect.stringContaining(says) as string });
  });

  it('knows every key of ours, and no other', () => {
    const ref = 'a'.repeat(22);
    for (const prefix of ['lk', 'a.b:c-d_e']) {
      const keys = new RedisKeys(prefix);
      const ours = [
        ...(['user', 'data', 'once'] as const).map((name) => keys.of(ref, name)),
        ...(['acts', 'denials', 'pending', 'lastId', 'whenFull'] as const).map((name) =>
          keys.of('audit', name),
        ),
        keys.ofQuota('posts', '::1'),
        keys.ofThrottle('default', '::1'),
        keys.nodes,
        keys.missed,
        keys.confirmationsOf(ref, 1),
        keys.confirmationsOf('list:office', 1),
        keys.ofIpList('office'),
      ];
      expect(ours.filter((key) => !keys.isOurs(key))).toEqual([]);
      const others = [
        `${prefix}:cache`,
        `${prefix}:{${ref}}:cart`,
        `${prefix}:{x}:user`,
        `${prefix}x:{${ref}}:user`,
      ];
      expect(others.filter((key) => keys.isOurs(key))).toEqual([]);
    }
  });
});
