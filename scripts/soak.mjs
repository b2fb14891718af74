// The faults of test/faults for longer than a test run has time: `npm run soak -- table`. It ends with 1 if anything was
// answered wrongly.
//   table    every fault of the table, again and again, until --requests were judged on each topology
//   durable  --rounds kills of a primary under Sentinel and Cluster, with acts that must be durable
//   random   --minutes of random faults on a Cluster, with the memory of nodes and servers
// --on and --only choose a topology and faults by a part of their name; --per-second is the rate of requests by HTTP.
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import { parseArgs } from 'node:util';
import { spawnSync } from 'node:child_process';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    on: { type: 'string' },
    only: { type: 'string', default: '' },
    requests: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '50' },
    minutes: { type: 'string', default: '30' },
    'per-second': { type: 'string', default: '300' },
    options: { type: 'string', default: '{}' },
  },
});
const [mode = 'table'] = positionals;

await import('reflect-metadata');
register('./typescript-hooks.mjs', import.meta.url);
spawnSync(process.execPath, [new URL('build.mjs', import.meta.url).pathname, '--if-needed'], {
  stdio: 'inherit',
});
const { FAULTS } = await import('../test/faults/support/fault-table.ts');
const { Stage } = await import('../test/faults/support/play.ts');

const WRONG = ['lateAllows', 'wrongDenials', 'wrongRefusals', 'slowRefusals'];
const MOST_SHOWN = 5;
const perSecond = Number(values['per-second']);
const started = performance.now();
let isWrong = false;
let isStopping = false;
// Asked to stop, it finishes the fault that is being played, and tells what it has found by then.
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => (isStopping = true));

/** What was judged, added up. */
class Sum {
  counts = new Map();

  add(verdict) {
    for (const [name, value] of Object.entries(verdict)) {
      this.counts.set(name, (this.counts.get(name) ?? 0) + (Array.isArray(value) ? value.length : value));
    }
  }

  get judged() {
    return ['served', 'denied', 'refused'].reduce((sum, name) => sum + (this.counts.get(name) ?? 0), 0);
  }

  get told() {
    const told = [...this.counts].map(([name, count]) => `${name} ${count}`).join(', ');
    return `${this.judged} judged: ${told}`;
  }
}

async function play(stage, fault, sum, load = {}) {
  const { verdict, faultMs, acts, faults } = await stage.play(fault, { perSecond, ...load });
  sum.add(verdict);
  const seconds = Math.round((performance.now() - started) / 1_000);
  const refused = `refused ${verdict.refused}`;
  const wrong = WRONG.filter((kind) => verdict[kind].length > 0);
  console.log(
    `${seconds}s ${stage.place.topology}: ${fault.name}: ${Math.round(faultMs)} ms, served ${verdict.served}, denied ${verdict.denied}, ${refused}, acts ${verdict.acknowledged}`,
  );
  for (const kind of wrong) {
    isWrong = true;
    console.log(`WRONG ${kind} ${verdict[kind].length}`, faults);
    for (const request of verdict[kind].slice(0, MOST_SHOWN)) {
      console.log(request);
      for (const act of acts.filter(({ sets }) =>
        request.needs.some((gate) => gate !== 'list' && gate in sets),
      ))
        console.log('   ', JSON.stringify(act));
    }
  }
}

function faultsOf(topology) {
  return FAULTS.filter(({ on, name }) => on.includes(topology) && name.includes(values.only));
}

function topologies(all) {
  return all.filter((name) => values.on === undefined || name === values.on);
}

async function withStage(topology, what) {
  const stage = await Stage.open(topology, JSON.parse(values.options));
  try {
    await what(stage);
  } finally {
    await stage.close();
  }
}

async function table() {
  for (const topology of topologies(['standalone', 'sentinel', 'cluster'])) {
    const sum = new Sum();
    await withStage(topology, async (stage) => {
      while (sum.judged < Number(values.requests) && !isStopping) {
        for (const fault of faultsOf(topology)) {
          if (sum.judged < Number(values.requests) && !isStopping) await play(stage, fault, sum);
        }
      }
    });
    console.log(`${topology}: ${sum.told}`);
  }
}

async function durable() {
  const kill = FAULTS.find(({ name }) => name === 'a primary that is killed');
  for (const topology of topologies(['sentinel', 'cluster'])) {
    const sum = new Sum();
    await withStage(topology, async (stage) => {
      for (let i = 0; i < Number(values.rounds) && !isStopping; i++)
        await play(stage, kill, sum, { perSecond: 50, lanes: 40, listeners: 0 });
    });
    console.log(`${topology}, ${values.rounds} kills: ${sum.told}`);
  }
}

async function random() {
  const sum = new Sum();
  const memory = [];
  const until = performance.now() + Number(values.minutes) * 60_000;
  await withStage('cluster', async (stage) => {
    const faults = faultsOf('cluster');
    while (performance.now() < until && !isStopping) {
      await play(stage, faults[Math.floor(Math.random() * faults.length)], sum);
      memory.push(residentOf(stage));
      console.log('memory, MB:', JSON.stringify(memory.at(-1)));
    }
  });
  console.log(`random faults on a Cluster, ${values.minutes} minutes: ${sum.told}`);
}

/** Of the app processes and of the servers, in MB. */
function residentOf({ nodes, place }) {
  const of = ({ pid }) => {
    const [, kb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kb) / 1_024);
  };
  return { nodes: nodes.map(of), servers: place.servers.map(of) };
}

await { table, durable, random }[mode]();
process.exit(isWrong ? 1 : 0);
