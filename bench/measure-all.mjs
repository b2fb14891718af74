import { describeCommit, describeMachine, describePeers } from './measure/machine.mjs';
import { measureChecks } from './parts/checks.mjs';
import { measureGrowth } from './parts/growth.mjs';
import { measureHttp } from './parts/http.mjs';
import { measureMemory } from './parts/memory.mjs';
import { measureProcesses } from './parts/processes.mjs';

const MEASURES = {
  http: measureHttp,
  checks: measureChecks,
  growth: measureGrowth,
  memory: measureMemory,
  processes: measureProcesses,
};

/** Runs the chosen parts, one after the other, and gives what goes into the JSON. */
export async function measureAll(options) {
  const startedAt = performance.now();
  const log = (line) =>
    console.error(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${line}`);
  const results = {
    at: new Date().toISOString(),
    kind: options.quick ? 'quick' : options.isFull ? 'full' : 'partial',
    rounds: options.rounds,
    windowMs: options.windowMs,
    users: options.users,
    loadBefore: options.loadBefore,
    commit: describeCommit(),
    machine: describeMachine(),
    peers: describePeers(),
  };
  for (const part of options.parts) results[part] = await MEASURES[part]({ ...options, log });
  results.seconds = Math.round((performance.now() - startedAt) / 1000);
  return results;
}
