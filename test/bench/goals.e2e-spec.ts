import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface Goal {
  readonly goal: string;
  readonly wanted: string;
  readonly measured: string;
  readonly isMet: boolean;
}

const report = join(__dirname, '../../bench/report');
/** The bench is ES modules, which Jest does not run here: it gets a process of its own. */
const goalsOf = async (results: object): Promise<Goal[]> => {
  const script = `
    import { goalsOf } from './goals.mjs';
    console.log(JSON.stringify(goalsOf(${JSON.stringify(results)})));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: report,
  });
  return JSON.parse(stdout) as Goal[];
};

const row = (platform: string, name: string, more: object) => ({
  platform,
  name,
  redisMs: 0,
  reads: false,
  guardUs: { median: 10 },
  ...more,
});
const fraction = (median: number) => ({ fraction: { median } });

describe('what came of the goals', () => {
  it('is not rounded to a hit, and nothing is told of what was not measured', async () => {
    const checks = [{ name: 'latchkey-touch', scriptUs: { median: 7.96 } }];
    expect(await goalsOf({ checks })).toMatchObject([{ measured: '8', isMet: true }]);
    checks[0]!.scriptUs.median = 8.04;
    expect(await goalsOf({ checks })).toMatchObject([{ measured: '8.04', wanted: '≤ 8', isMet: false }]);
    checks[0]!.scriptUs.median = 8.004;
    expect(await goalsOf({ checks })).toMatchObject([{ measured: '8.004', wanted: '≤ 8', isMet: false }]);
    expect(await goalsOf({})).toEqual([]);
  });

  it('compares with the fastest rival of each kind, on each platform, with Redis nearby', async () => {
    const rows = ['express', 'fastify'].flatMap((platform) => [
      row(platform, 'latchkey', fraction(0.8)),
      row(platform, 'latchkey', { ...fraction(0.1), redisMs: 2, lightP50Ms: 2.9 }),
      row(platform, 'passport-jwt', fraction(0.5)),
      row(platform, 'fast-jwt', fraction(0.9)),
      row(platform, 'latchkey+quota', fraction(0.7)),
      row(platform, 'passport-jwt+throttler', fraction(0.2)),
      row(platform, 'fast-jwt-cache+throttler', fraction(0.7)),
      row(platform, 'fast-jwt-cache+throttler', { ...fraction(0.9), redisMs: 2 }),
      row(platform, 'latchkey+3-quotas+cidrs', { ...fraction(0.7), guardUs: { median: 12.5 } }),
    ]);
    const pings = ['express', 'fastify'].map((platform) => ({ platform, redisMs: 2, p50Ms: 2.5 }));
    const goals = await goalsOf({ http: { rows, pings } });
    const told = goals.map(({ goal, measured, isMet }) => [goal.split(',')[0], measured, isMet]);
    expect(told).toEqual([
      ['requests a second', '0.8', false],
      ['requests a second', '1.6', true],
      ['requests a second', '0.89', false],
      ['requests a second with a quota', '1', false],
      ['p50 with Redis 2 ms away', '0.4', true],
      ['CPU of the guard with three quotas and an allowlist', '1.25', true],
      ['requests a second', '0.8', true],
      ['requests a second', '1.6', true],
      ['requests a second with a quota', '1', false],
      ['p50 with Redis 2 ms away', '0.4', true],
      ['CPU of the guard with three quotas and an allowlist', '1.25', true],
    ]);
  });
});
