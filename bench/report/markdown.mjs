import { goalsOf } from './goals.mjs';
import {
  busiestClient,
  capacityTable,
  checksTable,
  goalsTable,
  growthTable,
  latencyTable,
  memoryTable,
  number,
  processesTable,
  redisUseTable,
  requestsTable,
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

/** Everything that a run has found, as a page. */
export function toMarkdown(results) {
  const { http, checks, growth, memory, processes, peers } = results;
  const sections = [
    '# Results',
    describeRun(results),
    ...(warningAbout(results) ? [warningAbout(results)] : []),
  ];
  const add = (title, ...texts) =>
    sections.push(`## ${title}`, ...texts.filter((text) => text !== undefined));
  const goals = goalsOf(results);
  if (goals.length > 0) add('Against what was wanted', goalsTable(goals));
  if (http) {
    add(
      'Requests, Redis on the same machine',
      'Requests per second as a fraction of no auth in the window before: median (quartiles); 64 connections. CPU µs are the ' +
        "app's for each request. Requests a second and CPU are those of a row's own windows; the windows of no auth that a " +
        `fraction was taken against are not those of the first row, but the ones beside it. ${busiestClient(http)}`,
      requestsTable(http),
    );
    if (http.rows.some(({ reads }) => reads)) {
      add('The same with one further Redis read in the handler', requestsTable(http, { reads: true }));
    }
    for (const redisMs of [...new Set(http.rows.map((row) => row.redisMs))].filter((ms) => ms > 0)) {
      add(`Requests, Redis ${number(redisMs, 1)} ms away`, requestsTable(http, { redisMs }));
    }
    add(
      'One request at a time',
      latencyTable(http, false),
      'With one further Redis read:',
      latencyTable(http, true),
    );
    add('What a request asks of Redis', 'On Fastify, where it was measured there.', redisUseTable(http));
  }
  if (checks) add('What a check costs Redis', checksTable(checks));
  if (growth)
    add(
      'As the sessions of a user grow',
      'In this process over loopback (in Redis alone):',
      growthTable(growth),
    );
  if (memory) add('Memory', memoryTable(memory));
  if (processes) add('App processes', `On ${results.machine.cores} cores.`, processesTable(processes));
  const capacity = capacityTable(results);
  if (capacity) add('Capacity', capacity);
  add(
    'Versions',
    Object.entries(peers)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  );
  return `${sections.join('\n\n')}\n`;
}
