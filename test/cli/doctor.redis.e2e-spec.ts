import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DoctorReport, Finding } from '@latchkey/session/cli';
import { SessionService } from '@latchkey/session';
import { COMMANDS, CLUSTER_COMMANDS, permissionOf } from '../../libs/session/src/cli/doctor/permissions.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn } from '../support/sessions-on.js';
import { cli, type Done } from './support/cli.js';
import { pageOf, permissionsIn } from '../support/documented-permissions.js';

const SECRET = 's3cret-P%40ss';
let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start({ args: ['--appendonly', 'yes'] });
});
afterAll(() => server.stop());

async function doctor(url: string, ...flags: string[]) {
  const done = await cli(['doctor', '--json', ...flags], { REDIS_URL: url });
  const report = (done.out === '' ? undefined : JSON.parse(done.out)) as DoctorReport;
  const of = (check: string) => report.findings.find((one) => one.check === check) as Finding;
  return { ...done, report, of };
}

const change = async (...settings: string[]) => {
  const admin = server.client();
  for (let i = 0; i < settings.length; i += 2)
    await admin.config('SET', settings[i] as string, settings[i + 1] as string);
};

describe('latchkey doctor', () => {
  it('finds nothing to say against a Redis as docs/redis.md wants it', async () => {
    const node = await sessionsOn(server.url);
    const { session } = await node.sessions.create('ada', { device: { name: 'phone' } });
    const { code, report, of } = await doctor(server.url, '--timeout', '10000');
    expect(report.findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect([code, report.level, report.redis]).toEqual([0, 'ok', `127.0.0.1:${server.port}`]);
    expect(of('persistence').what).toContain('about the last second');
    expect(of('session size').values).toMatchObject({ sessions: 1, users: 1 });
    expect(of('session size').values?.['bytesPerSession']).toBeGreaterThan(100);
    expect(of('check').values).toMatchObject({ missed: 0, deadlineMs: 10_000 });
    // It only looked.
    expect(await node.sessions.list('ada')).toEqual([session]);
    await node.close();
  });

  it.each<[string, string[], string[], Partial<Finding>, number]>([
    [
      'a Redis that evicts',
      ['maxmemory-policy', 'allkeys-lru'],
      ['maxmemory-policy', 'noeviction'],
      { check: 'eviction', level: 'fail', what: expect.stringContaining('allkeys-lru') as string },
      2,
    ],
    [
      'no persistence',
      ['appendonly', 'no', 'save', ''],
      ['appendonly', 'yes'],
      { check: 'persistence', level: 'warn', what: 'none: a restart loses everything' },
      1,
    ],
    [
      'snapshots alone',
      ['appendonly', 'no', 'save', '3600 1'],
      ['save', '', 'appendonly', 'yes'],
      { check: 'persistence', level: 'warn', what: expect.stringContaining('RDB') as string },
      1,
    ],
    [
      'a replica that is missing',
      ['min-replicas-to-write', '1'],
      ['min-replicas-to-write', '0'],
      { check: 'replicas', level: 'fail', what: expect.stringContaining('0 of the 1') as string },
      2,
    ],
    [
      'a Redis that is nearly full',
      ['maxmemory', '4mb'],
      ['maxmemory', '0'],
      {
        check: 'memory',
        level: expect.stringMatching(/warn|fail/) as never,
        remedy: expect.any(String) as string,
      },
      expect.any(Number) as number,
    ],
  ])('finds %s', async (_, faulty, mended, finding, exitCode) => {
    if (finding.check === 'memory') {
      const used = Number(/used_memory:(\d+)/.exec(await server.client().info('memory'))?.[1]);
      faulty = ['maxmemory', String(Math.ceil(used / 0.9))];
    }
    await change(...faulty);
    try {
      const { code, report } = await doctor(server.url, '--timeout', '10000');
      expect(report.findings.filter(({ level }) => level !== 'ok' && level !== 'skipped')).toEqual([
        expect.objectContaining({
          ...finding,
          why: expect.any(String) as string,
          remedy: expect.any(String) as string,
        }),
      ]);
      expect(code).toEqual(exitCode);
    } finally {
      await change(...mended);
    }
  });

  it('finds keys of others, and does not take ours for theirs', async () => {
    const admin = server.client();
    await admin.mset('other:{x}:user', '1', 'other:cache:a', '2');
    const { code, report, of } = await doctor(server.url, '--prefix', 'other', '--timeout', '10000');
    expect([code, report.findings.filter(({ level }) => level === 'fail')]).toEqual([1, []]);
    expect(of('keys')).toMatchObject({ level: 'warn', values: { keys: 2, foreign: 2 } });
    expect(of('keys').what).toMatch(/"other:(\{x\}:user|cache:a)"/);
    await admin.del('other:{x}:user', 'other:cache:a');
    const none = await doctor(server.url, '--prefix', 'other', '--timeout', '10000');
    expect(none.of('keys')).toMatchObject({
      level: 'ok',
      what: expect.stringContaining('--prefix') as string,
    });
  });

  it('finds what a Redis user may not do, and does not need more than the library does', async () => {
    const admin = server.client();
    const all = permissionsIn(pageOf('redis.md'));
    const as = async (rules: readonly string[]) => {
      await admin.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>secret', ...rules);
      return doctor(`redis://app:secret@127.0.0.1:${server.port}`, '--timeout', '10000');
    };
    const enough = await as(all);
    expect([enough.code, enough.of('permissions').level]).toEqual([0, 'ok']);
    expect(enough.of('keys')).toMatchObject({ level: 'skipped' });

    const lacking = await as([...all, '-xadd', '-hset', '-subscribe', '-client|setname']);
    expect(lacking.of('permissions')).toMatchObject({
      level: 'fail',
      what: 'this user may not run +client|setname +subscribe +hset +xadd on lk:*',
      remedy: expect.stringContaining(
        'ACL SETUSER <user> ~lk:* &lk:* +client|setname +subscribe +hset +xadd',
      ) as string,
    });
    expect(lacking.code).toBe(2);
    const elsewhere = await as(all.map((rule) => rule.replace('lk:', 'app:')));
    expect(elsewhere.of('permissions')).toMatchObject({ level: 'fail' });
    const without = await as([...all, '-eval', '-evalsha']);
    expect(without.of('permissions').what).toBe('this user may not run scripts on lk:*');
    const blind = await as([...all, '-info']);
    expect(blind.code).toBe(2);
    expect(blind.of('server')).toMatchObject({
      level: 'fail',
      why: expect.stringContaining('INFO') as string,
    });
    expect(blind.of('permissions').what).toContain('+info');
    const timeless = await as([...all, '-time']);
    expect(timeless.of('clock')).toMatchObject({
      level: 'fail',
      why: expect.not.stringContaining('INFO') as string,
    });
  });

  it('has the permissions of docs/redis.md, each of them', () => {
    const rules = permissionsIn(pageOf('redis.md')).filter((rule) => rule.startsWith('+'));
    expect(COMMANDS.map(permissionOf).sort()).toEqual([...rules].sort());
    for (const command of CLUSTER_COMMANDS)
      expect(pageOf('redis.md')).toContain(`\`${permissionOf(command)}\``);
  });

  it('measures against the deadline of a request', async () => {
    const proxy = await CutOffProxy.start(server.port);
    try {
      proxy.delayMs = 30;
      const slow = await doctor(proxy.url, '--timeout', '50');
      expect(slow.of('latency')).toMatchObject({ level: expect.stringMatching(/warn|fail/) as string });
      expect(slow.of('latency').values?.['p50Ms']).toBeGreaterThan(29);
      const late = await doctor(proxy.url, '--timeout', '20');
      expect(late.code).toBe(2);
      expect(late.of('latency')).toMatchObject({
        level: 'fail',
        why: expect.stringContaining('503') as string,
      });
      expect(late.of('check')).toMatchObject({ level: 'fail' });
    } finally {
      await proxy.close();
    }
  });

  it('says what keeps it from Redis, without the password', async () => {
    const guarded = await RedisServer.start({ password: 'right' });
    const wrong = `redis://:${SECRET}@127.0.0.1:${guarded.port}`;
    const file = join(tmpdir(), `latchkey-cli-${process.pid}.json`);
    try {
      const told: Pick<Done, 'code' | 'out' | 'err'>[] = [
        await doctor(wrong),
        await cli(['doctor'], { REDIS_URL: wrong }),
        await cli(['doctor', wrong]),
        await cli([wrong]), // in the place of a command, which the error quotes
        await cli(['doctor', `--redis=redis://:${SECRET}@127.0.0.1:1`]),
        await cli(['sessions', 'ada', '--redis', `redis://:${SECRET}@127.0.0.1:x`]),
        await cli(['sessions', 'ada', '--redis', `redis://:a/${SECRET}@127.0.0.1`]),
        await cli(['block', 'ada', '--yes', '--reason', 'x'], { REDIS_URL: wrong }),
        await cli(['bench', '--seconds', '0.2'], { REDIS_URL: wrong }),
      ];
      await writeFile(file, `{ "redis": "${wrong}", }`);
      told.push(await cli(['doctor', '--config', file]));
      await writeFile(
        file,
        JSON.stringify({ redis: { host: '127.0.0.1', port: guarded.port, password: SECRET } }),
      );
      told.push(await cli(['doctor', '--config', file]));
      for (const { code, out, err } of told) {
        expect(code).toBe(2);
        expect(`${out}${err}`).not.toMatch(/s3cret|P@ss/);
        expect(`${out}${err}`).not.toMatch(/\n\s+at /);
      }
      expect(told[0]!.out).toContain('the user name or password is wrong');
      expect(told[1]!.out).toMatch(/FAIL {4}connection/);
    } finally {
      await guarded.stop();
    }
  });
});

it('latchkey bench measures a check beside a PING, and leaves nothing behind', async () => {
  const node = await sessionsOn(server.url);
  expect(node.sessions).toBeInstanceOf(SessionService);
  const before = (await server.client().keys('*')).sort();
  const { code, out } = await cli(['bench', '--json', '--seconds', '0.4'], { REDIS_URL: server.url });
  const { results } = JSON.parse(out) as { results: { what: string; calls: number; p50Ms: number }[] };
  expect(code).toBe(0);
  expect(results.map(({ what }) => what)).toEqual(['PING', 'check', 'PING', 'check']);
  for (const { calls, p50Ms } of results) expect(Math.min(calls, p50Ms)).toBeGreaterThan(0);
  expect((await server.client().keys('*')).sort()).toEqual(before);
  await node.close();
});
