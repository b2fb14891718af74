import { goalsOf } from './goals.mjs';
import {
  busiestClient,
  byConnections,
  capacityTable,
  CELLS,
  checksTable,
  distancesOf,
  goalsTable,
  growthTable,
  loginsTable,
  memoryTable,
  number,
  redisUseTable,
  TITLES,
  whereOthersLead,
} from './tables.mjs';

/** A load beside the run that it had better not had. */
const BUSY_LOAD_PER_CORE = 0.5;

/** One line about the machine and the run. */
export function describeRun({ at, kind, rounds, commit, machine }) {
  const { cpu, cores, memoryGb, node, redis } = machine;
  const run = kind === 'full' ? `${rounds} rounds` : `${rounds} rounds, a ${kind} run`;
  const of = commit ? ` of commit ${commit}` : '';
  return `${at.slice(0, 10)}${of}, ${run}, on ${cores} cores of ${cpu}, ${memoryGb} GB; Node ${node.slice(1)}, Redis ${redis}.`;
}

/** What a reader must know before the first figure; `undefined` for a full run on an idle machine. */
export function warningAbout({ kind, loadBefore, machine }) {
  const reasons = [
    ...(kind === 'full' ? [] : ['they come from a short run']),
    ...(loadBefore > machine.cores * BUSY_LOAD_PER_CORE
      ? [`the machine was busy with other work (load ${number(loadBefore, 1)})`]
      : []),
  ];
  return reasons.length === 0 ? undefined : `**These figures mean little: ${reasons.join(', and ')}.**`;
}

const PEERS_TO_OURS =
  "Each peer's requests per second as a multiple of ours of its kind, in the window beside its own: a bare guard beside a " +
  'bare guard, Passport beside Passport, limits beside limits.';

/** Everything that a run has found, as a page. */
export function toMarkdown(results) {
  const { http, logins, checks, growth, memory, peers } = results;
  const sections = ['# Results', describeRun(results), warningAbout(results)];
  const add = (title, ...texts) => sections.push(`## ${title}`, ...texts);
  const goals = goalsOf(results);
  if (goals.length > 0) add('Against what was wanted', goalsTable(goals));
  for (const redisMs of http ? distancesOf(http) : []) addHttp(http, redisMs, add);
  if (http) {
    add('What a request asks of Redis', redisUseTable(http), busiestClient(http), warmth(http));
  }
  if (logins) add('What a login costs', loginsTable(logins));
  if (checks) add('What a check costs Redis', checksTable(checks));
  if (growth)
    add(
      'As the sessions of a user grow',
      'In this process over loopback (in Redis alone):',
      growthTable(growth),
    );
  if (memory) add('Memory', memoryTable(memory));
  const capacity = capacityTable(results);
  if (capacity) add('Capacity', capacity);
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  add('Versions', versions.join(', '));
  return `${sections.filter((text) => text !== undefined).join('\n\n')}\n`;
}

function addHttp(http, redisMs, add) {
  const where = redisMs === 0 ? 'on the same machine' : `${number(redisMs, 1)} ms away`;
  const platforms = Object.keys(TITLES).filter((name) => http.rows.some(({ platform }) => platform === name));
  const tables = (cell, isShown) =>
    platforms.map((platform) => byConnections(http, { platform, redisMs }, CELLS[cell], isShown));
  const pings = http.pings.filter((one) => one.redisMs === redisMs);
  const isPeer = ({ name, against }) => name !== 'none' && name !== against;
  add(
    `Requests per second, no auth = 1, Redis ${where}`,
    'Of each window against that of no auth beside it: median (quartiles).',
    ...tables('fraction'),
    whereOthersLead(http, { redisMs }),
  );
  add(`Beside ours, Redis ${where}`, PEERS_TO_OURS, ...tables('toOurs', isPeer));
  add(`CPU µs of the app for a request (of it auth), Redis ${where}`, ...tables('cpu'));
  add(
    `p50 / p99 ms under that load, Redis ${where}`,
    ...pings.map(
      ({ platform, p50Ms }) => `A bare PING took ${number(p50Ms, 2)} ms beside ${TITLES[platform]}.`,
    ),
    ...tables('latency'),
  );
}

function warmth({ warmed }) {
  const [name, seconds] = Object.entries(warmed).toSorted(([, a], [, b]) => b - a)[0];
  return `Each app was warmed until its CPU time per request was flat; ${name}, took longest: ${number(seconds)} s.`;
}
