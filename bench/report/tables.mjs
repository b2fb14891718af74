// Tables of Markdown from the JSON of a run. Nothing here measures anything.
import { FORMULA, planCapacity } from './capacity.mjs';

export const TITLES = { express: 'Express', fastify: 'Fastify' };

export const number = (value, decimals = 0) =>
  value === undefined
    ? '–'
    : value.toLocaleString('en-GB', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
const spreadOf = ({ median, q1, q3 }, decimals) =>
  `${number(median, decimals)} (${number(q1, decimals)}–${number(q3, decimals)})`;
const fraction = (row) =>
  row
    ? `${row.fraction.median.toFixed(2)} (${row.fraction.q1.toFixed(2)}–${row.fraction.q3.toFixed(2)})`
    : '–';

/** A Markdown table; columns but the first are aligned to the right. */
export function table(header, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = header.map((_, index) => (index === 0 ? '---' : '--:'));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

/** Configurations in the order of the run, each with its row on every platform. */
export function byConfiguration(http, { redisMs = 0, reads = false } = {}) {
  const rows = http.rows.filter((row) => row.redisMs === redisMs && row.reads === reads);
  const names = [...new Set(http.rows.map(({ name }) => name))];
  return names.flatMap((name) => {
    const of = (platform) => rows.find((row) => row.name === name && row.platform === platform);
    const [express, fastify] = [of('express'), of('fastify')];
    const any = express ?? fastify;
    return any ? [{ name, label: any.label, redisCalls: any.redisCalls, express, fastify }] : [];
  });
}

export function requestsTable(http, scenario) {
  const platforms = ['express', 'fastify'].filter((name) =>
    http.rows.some(({ platform }) => platform === name),
  );
  const header = platforms.flatMap((name) => [TITLES[name], 'req/s', 'CPU µs', 'of it auth', 'p50 / p99 ms']);
  const cells = (row) => [
    fraction(row),
    number(row?.perSecond.median),
    number(row?.cpuUs.median),
    row?.name === 'none' ? '–' : number(row?.guardUs.median),
    row ? `${number(row.p50Ms, 1)} / ${number(row.p99Ms, 1)}` : '–',
  ];
  const rows = byConfiguration(http, scenario);
  return table(
    ['', ...header],
    rows.map((row) => [row.label, ...platforms.flatMap((name) => cells(row[name]))]),
  );
}

/** How much of a core the client that makes the load took, where it took most: near 1, it is the client that was measured. */
export function busiestClient(http) {
  const [busiest] = http.rows.filter(({ reads }) => !reads).toSorted((a, b) => b.clientCpu - a.clientCpu);
  const { clientCpu, label, platform } = busiest;
  return `The client took ${number(clientCpu, 2)} of a core at the most (${label}, ${TITLES[platform]}).`;
}

export function redisUseTable(http) {
  const header = ['', 'Redis calls', 'which', 'bytes to Redis', 'and back', 'Redis CPU µs'];
  const rows = byConfiguration(http).map(({ label, redisCalls, express, fastify }) => {
    const row = fastify ?? express;
    const which = Object.keys(row.commands).join(', ') || '–';
    return [
      label,
      redisCalls,
      which,
      number(row.bytesToRedis),
      number(row.bytesFromRedis),
      number(row.redisCpuUs, 1),
    ];
  });
  return table(header, rows);
}

/** What was wanted beforehand, and what came of it. */
export function goalsTable(goals) {
  const rows = goals.map(({ goal, wanted, measured, isMet }) => [
    goal,
    wanted,
    measured,
    isMet ? 'met' : '**missed**',
  ]);
  return table(['', 'wanted', 'measured', ''], rows);
}

/** Median and 99th percentile of one request at a time, by distance. */
export function latencyTable(http, reads) {
  const distances = [...new Set(http.rows.map(({ redisMs }) => redisMs))];
  const header = [
    'p50 / p99 ms, Express then Fastify',
    ...distances.map((ms) => (ms === 0 ? 'loopback' : `+${ms} ms`)),
  ];
  const pair = (row) => (row ? `${number(row.lightP50Ms, 2)} / ${number(row.lightP99Ms, 2)}` : '–');
  const last = byConfiguration(http, { redisMs: distances.at(-1), reads });
  const rows = last.map(({ name, label }) => [
    label,
    ...distances.map((redisMs) => {
      const { express, fastify } = byConfiguration(http, { redisMs, reads }).find((row) => row.name === name);
      return `${pair(express)} · ${pair(fastify)}`;
    }),
  ]);
  const pings = distances.map((ms) =>
    http.pings
      .filter(({ redisMs }) => redisMs === ms)
      .map(({ p50Ms }) => number(p50Ms, 2))
      .join(' · '),
  );
  return table(header, [...rows, ['a bare PING', ...pings]]);
}

export function checksTable(checks) {
  const header = ['one check', 'script µs', 'all of Redis µs', 'checks a second of one core', 'as they came'];
  const rows = checks.map(({ label, scriptUs, serverUs, perCoreSecond, perSecond }) => [
    label,
    spreadOf(scriptUs, 1),
    spreadOf(serverUs, 1),
    number(perCoreSecond),
    number(perSecond.median),
  ]);
  return table(header, rows);
}

export function growthTable(growth) {
  const acts = Object.keys(growth[0]).filter((name) => name !== 'sessions');
  const rows = growth.map((row) => [
    number(row.sessions),
    ...acts.map((act) => `${number(row[act].ms, 2)} ms (${number(row[act].serverUs)} µs)`),
  ]);
  return table(['sessions of the user', ...acts], rows);
}

export function memoryTable(memory) {
  const header = ['sessions', 'users', 'bytes a session', "of it the users' hashes"];
  const rows = memory.map((row) => [
    number(row.sessions),
    number(row.users),
    number(row.bytesPerSession),
    number(row.ofWhichHashes),
  ]);
  return table(header, rows);
}

export function processesTable(processes) {
  const counts = [...new Set(processes.map((row) => row.processes))];
  const subjects = processes.filter((row) => row.processes === counts[0]);
  const rows = subjects.map(({ name, platform }) => [
    `${name}, ${platform}`,
    ...counts.map((count) =>
      number(
        processes.find((row) => row.name === name && row.platform === platform && row.processes === count)
          .perSecond.median,
      ),
    ),
  ]);
  return table(
    ['requests per second', ...counts.map((count) => `${count} process${count > 1 ? 'es' : ''}`)],
    rows,
  );
}

/** `undefined` where the run has not measured what it takes. */
export function capacityTable({ http, checks, memory }) {
  const check = checks?.find(({ name }) => name === 'latchkey+quota');
  const weight = memory?.at(-1);
  if (!check || !weight) return undefined;
  const { perCoreSecond } = check;
  const { bytesPerSession } = weight;
  const served = http?.rows.find(
    ({ name, platform, redisMs, reads }) =>
      name === 'latchkey+quota' && platform === 'fastify' && redisMs === 0 && !reads,
  );
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
