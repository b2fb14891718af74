// Tables of Markdown from the JSON of a run. Nothing here measures anything.
import { FORMULA, planCapacity } from './capacity.mjs';

export const TITLES = { express: 'Express', fastify: 'Fastify' };

export const number = (value, decimals = 0) =>
  value === undefined
    ? '–'
    : value.toLocaleString('en-GB', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
const spreadOf = ({ median, q1, q3 }, decimals) =>
  `${number(median, decimals)} (${number(q1, decimals)}–${number(q3, decimals)})`;

/** A Markdown table; columns but the first are aligned to the right. */
export function table(header, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = header.map((_, index) => (index === 0 ? '---' : '--:'));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

export const countsOf = ({ rows }, redisMs = 0) => [
  ...new Set(rows.filter((row) => row.redisMs === redisMs).map(({ connections }) => connections)),
];
export const distancesOf = ({ rows }) => [...new Set(rows.map(({ redisMs }) => redisMs))];

/** The row of a configuration; `undefined` where it was not measured. */
export const rowOf = ({ rows }, name, { platform, connections, redisMs = 0 }) =>
  rows.find(
    (row) =>
      row.name === name &&
      row.platform === platform &&
      row.connections === connections &&
      row.redisMs === redisMs,
  );

/** The configurations of a platform, in the order of the run: `{ name, label }`. */
export const configurationsOf = ({ rows }, platform, redisMs = 0) => [
  ...new Map(
    rows
      .filter((row) => (!platform || row.platform === platform) && row.redisMs === redisMs)
      .map(({ name, label, against, redisCalls }) => [name, { name, label, against, redisCalls }]),
  ).values(),
];

/** A row for each configuration, a column for each number of connections. */
export function byConnections(http, { platform, redisMs = 0 }, cell, isShown = () => true) {
  const counts = countsOf(http, redisMs);
  const rows = configurationsOf(http, platform, redisMs).filter(isShown);
  return table(
    [TITLES[platform], ...counts.map((count) => `${count} connection${count > 1 ? 's' : ''}`)],
    rows.map(({ name, label }) => [
      label,
      ...counts.map((connections) => {
        const row = rowOf(http, name, { platform, connections, redisMs });
        return row ? cell(row) : '–';
      }),
    ]),
  );
}

export const CELLS = {
  fraction: ({ fraction }) => spreadOf(fraction, 2),
  toOurs: ({ toOurs }) => (toOurs ? spreadOf(toOurs, 2) : '1'),
  cpu: ({ name, cpuUs, guardUs }) =>
    name === 'none' ? number(cpuUs.median) : `${number(cpuUs.median)} (${number(guardUs.median)})`,
  latency: ({ p50Ms, p99Ms }) => `${number(p50Ms, 2)} / ${number(p99Ms, 2)}`,
};

const isPeer = ({ name }) => !name.startsWith('latchkey') && name !== 'none' && name !== 'empty-guard';

/** Which peers are ahead of ours of their kind, at how many connections, and by how much; in one line. */
export function whereOthersLead(http, { redisMs = 0, counts = countsOf(http, redisMs) } = {}) {
  const told = Object.entries(TITLES).map(([platform, title]) => {
    const ahead = configurationsOf(http, platform, redisMs)
      .filter(isPeer)
      .flatMap(({ name, label }) => {
        const leads = counts.flatMap((connections) => {
          const ratio = rowOf(http, name, { platform, connections, redisMs })?.toOurs?.median;
          return ratio > 1 ? [`${number(ratio, 2)} × at ${connections}`] : [];
        });
        return leads.length > 0 ? [`${label} (${leads.join(', ')})`] : [];
      });
    return `On ${title}: ${ahead.length > 0 ? ahead.join('; ') : 'no peer'}.`;
  });
  return `Peers ahead of Latchkey's guard of their kind, and at how many connections. ${told.join(' ')}`;
}

/** How much of a core the client that makes the load took, where it took most: near 1, it is the client that was measured. */
export function busiestClient({ rows }) {
  const { clientCpu, label, platform, connections } = rows.toSorted((a, b) => b.clientCpu - a.clientCpu)[0];
  return (
    `The client took ${number(clientCpu, 2)} of a core at the most ` +
    `(${label}, ${TITLES[platform]}, ${connections} connections).`
  );
}

export function redisUseTable(http) {
  const rows = configurationsOf(http).map(({ name, label }) => {
    const row = http.rows.findLast((one) => one.name === name && one.redisMs === 0);
    const which = Object.entries(row.commands).map(([command, count]) => `${number(count)} ${command}`);
    return [
      label,
      row.redisCalls ?? 'as its cache decides',
      which.join(', ') || '–',
      number(row.redisCpuUs, 1),
    ];
  });
  return table(['', 'Redis calls', 'which', 'Redis CPU µs'], rows);
}

/** What was wanted beforehand, and what came of it. */
export function goalsTable(goals) {
  const shown = ({ goal, wanted, measured, isMet }) => [goal, wanted, measured, isMet ? 'met' : '**missed**'];
  return table(['', 'wanted', 'measured', ''], goals.map(shown));
}

export function loginsTable(logins) {
  const rows = logins.map(({ label, platform, cpuUs, perSecond, bytesPerSession }) => [
    label,
    TITLES[platform],
    spreadOf(cpuUs, 0),
    number(perSecond.median),
    number(bytesPerSession),
  ]);
  return table(['', 'on', 'CPU µs of a login', 'logins a second', 'bytes of Redis a session'], rows);
}

export function checksTable(checks) {
  const rows = checks.map(({ label, scriptUs, serverUs, perCoreSecond, perSecond }) => [
    label,
    spreadOf(scriptUs, 1),
    spreadOf(serverUs, 1),
    number(perCoreSecond),
    number(perSecond.median),
  ]);
  return table(
    ['one check', 'script µs', 'all of Redis µs', 'checks a second of one core', 'as they came'],
    rows,
  );
}

export function growthTable(growth) {
  const acts = Object.keys(growth[0]).filter((name) => name !== 'sessions');
  const cell = ({ ms, serverUs }) => `${number(ms, 2)} ms (${number(serverUs)} µs)`;
  const rows = growth.map((row) => [number(row.sessions), ...acts.map((act) => cell(row[act]))]);
  return table(['sessions of the user', ...acts], rows);
}

export function memoryTable(memory) {
  const columns = ['sessions', 'users', 'bytesPerSession', 'ofWhichHashes'];
  const rows = memory.map((row) => columns.map((column) => number(row[column])));
  return table(['sessions', 'users', 'bytes a session', "of it the users' hashes"], rows);
}

/** `undefined` where the run has not measured what it takes. */
export function capacityTable({ http, checks, memory }) {
  const check = checks?.find(({ name }) => name === 'latchkey+quota');
  const weight = memory?.at(-1);
  if (!check || !weight) return undefined;
  const { perCoreSecond } = check;
  const { bytesPerSession } = weight;
  const served =
    http && rowOf(http, 'latchkey+quota', { platform: 'fastify', connections: countsOf(http).at(-1) });
  const cores = (value) => (value === undefined ? '–' : number(value, value < 10 ? 2 : 0));
  const plan = planCapacity({ perCoreSecond, bytesPerSession, servedUs: served?.redisCpuUs });
  const rows = plan.map((row) => [
    number(row.users),
    number(row.requestsPerSecond),
    cores(row.cores),
    cores(row.servedCores),
    row.memoryGb < 1 ? `${number(row.memoryGb * 1024)} MiB` : `${number(row.memoryGb)} GiB`,
    number(row.shards),
  ]);
  const header = [
    'users',
    'requests a second',
    'Redis cores, pipelines',
    'as in the HTTP run',
    'memory',
    'shards',
  ];
  const measured =
    `${number(perCoreSecond)} checks (with one quota) a second of one core where they come in full pipelines, ` +
    `${number(served?.redisCpuUs, 1)} µs of it for each as in the HTTP run above, ${number(bytesPerSession)} bytes a session`;
  return `${table(header, rows)}\n\nFrom ${measured}. ${FORMULA[0].toUpperCase()}${FORMULA.slice(1)}.`;
}
