// Which suite comes first where nothing is known of an earlier run, as in a clean clone: those that start processes and
// wait for them, so that none of them is left over at the end.
import { createRequire } from 'node:module';
import { statSync } from 'node:fs';

const { default: Sequencer } = createRequire(import.meta.url)('@jest/test-sequencer');

const SLOWEST_FIRST = ['browser', 'nodes', 'sample', 'fuzz', 'redis', 'app'];

function rankOf(path) {
  const rank = SLOWEST_FIRST.indexOf(/\.(\w+)\.e2e-spec\.ts$/.exec(path)?.[1] ?? '');
  return rank === -1 ? SLOWEST_FIRST.length : rank;
}

export default class SlowLayersFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted;
    const keyed = sorted.map((test) => ({ test, rank: rankOf(test.path), size: statSync(test.path).size }));
    return keyed.sort((a, b) => a.rank - b.rank || b.size - a.size).map(({ test }) => test);
  }
}
