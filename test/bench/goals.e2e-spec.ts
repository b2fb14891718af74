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

const row = (platform: string, name: string, connections: number, more: object = {}) => ({
  platform,
  name,
  connections,
  redisMs: 0,
  guardUs: { median: 10 },
  toOurs: { median: 1 },
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

  it('goes by the number of connections, and with the near cache by the worst of them and of all distances', async () => {
    const rows = [
      row('express', 'latchkey', 1, fraction(0.61)),
      row('express', 'latchkey', 64, fraction(0.89)),
      row('express', 'latchkey', 1, { ...fraction(0.1), redisMs: 2, p50Ms: 2.9 }),
      ...[1, 64].map((count) =>
        row('express', 'latchkey-near', count, { ...fraction(0.98), toOurs: { median: 1.2 } }),
      ),
      row('express', 'latchkey-near', 1, { ...fraction(0.96), redisMs: 2 }),
      row('express', 'fast-jwt-cache', 1, { ...fraction(0.9), toOurs: { median: 1.2 } }),
      row('express', 'fast-jwt-cache', 64, { ...fraction(0.9), toOurs: { median: 1.6 } }),
      row('express', 'latchkey+3-quotas+cidrs', 64, { ...fraction(0.7), guardUs: { median: 14 } }),
    ];
    const pings = [{ platform: 'express', redisMs: 2, p50Ms: 2.5 }];
    const goals = await goalsOf({ http: { rows, pings } });
    expect(goals.map(({ wanted, measured, isMet }) => [wanted, measured, isMet])).toEqual([
      ['≥ 0.6', '0.61', true],
      ['≥ 0.9', '0.89', false],
      ['≥ 0.97', '0.96', false],
      ['≥ 1', '0.75', false],
      ['≤ 0.4', '0.4', true],
      ['≤ 1.4', '1.4', true],
    ]);
    const without = rows.filter(({ name }) => name !== 'latchkey-near');
    expect(await goalsOf({ http: { rows: without, pings } })).toHaveLength(4);
  });
});
