import { describeRun, warningAbout } from './markdown.mjs';
import { capacityTable, countsOf, number, rowOf, table } from './tables.mjs';

const QUOTAS = ['latchkey', 'latchkey+quota', 'latchkey+3-quotas'];

/** What docs/redis-sizing.md says of memory and cores. */
export function sizesBlock(results) {
  const { http, checks, memory } = results;
  const scripts = QUOTAS.map((name) => checks?.find((row) => row.name === name)?.scriptUs.median);
  const quota = checks?.find(({ name }) => name === 'latchkey+quota');
  const served = rowOf(http, 'latchkey+quota', { platform: 'fastify', connections: countsOf(http).at(-1) });
  const weight = memory?.at(-1);
  const rows = [
    [
      `Memory per session, users' records included (${number(weight?.sessions)}, two a user)`,
      `${number(weight?.bytesPerSession)} bytes`,
    ],
    [
      'A check · with one quota · with three',
      `${scripts.map((us) => number(us, 1)).join(' · ')} µs of script`,
    ],
    ['Checks with a quota on one Redis core', `${number(quota?.perCoreSecond)} a second in pipelines`],
    ['Redis CPU per check with a quota, as in the HTTP run', `${number(served?.redisCpuUs, 1)} µs`],
  ];
  return [
    warningAbout(results),
    `${describeRun(results)} [All figures](../bench/results/results.md).`,
    table(['figure', 'measured'], rows),
    capacityTable(results),
  ]
    .filter(Boolean)
    .join('\n\n');
}
