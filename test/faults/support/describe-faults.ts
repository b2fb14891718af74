import { BUILD_TIMEOUT_MS, buildSample } from '../../sample/support/build.js';
import { BUSY_MS } from '../../support/patience.js';
import type { AppOptions } from './fault-apps.js';
import { type Fault, FAULTS } from './fault-table.js';
import type { Verdict } from './history.js';
import { Stage } from './play.js';
import type { Topology } from './places.js';

const MOST_SHOWN = 5;
/**
 * A call on a network that adds 100 ms has 50 ms of its deadline to spare, which a machine that is busy elsewhere may take:
 * a fault that must refuse nobody is played again then, and has to be sound once.
 */
const MOST_PLAYS = 3;

/** The faults of the table that every test run plays on a topology, one test each. @param options of the apps */
export function describeFaults(topology: Topology, options: AppOptions = {}): void {
  let stage: Stage;
  beforeAll(async () => {
    await buildSample();
    stage = await Stage.open(topology, options);
  }, BUILD_TIMEOUT_MS);
  afterAll(() => stage?.close());

  const faults = FAULTS.filter(({ on, inTests = on }) => inTests.includes(topology));
  it.each(faults)(
    '$name',
    async (fault) => {
      for (let play = 1; ; play++) {
        const played = await stage.play(fault, {}, BUSY_MS);
        const { wrongRefusals } = played.verdict;
        const isOver = fault.effects?.refuses !== false || wrongRefusals.length === 0 || play === MOST_PLAYS;
        if (isOver) return expectSound(fault, played);
        // Of these alone the machine may be the cause: the rest must be sound at each play.
        expectSound(fault, { ...played, verdict: { ...played.verdict, wrongRefusals: [] } });
      }
    },
    60_000,
  );
}

export function expectSound(fault: Fault, { verdict, faultMs }: { verdict: Verdict; faultMs: number }): void {
  const { lateAllows, wrongDenials, wrongRefusals, slowRefusals, ...counts } = verdict;
  console.log(fault.name, { ...counts, faultMs: Math.round(faultMs) });
  const found = { lateAllows, wrongDenials, wrongRefusals, slowRefusals };
  const shown = Object.entries(found).map(([kind, all]) => [kind, all.length, all.slice(0, MOST_SHOWN)]);
  expect(shown).toEqual(Object.keys(found).map((kind) => [kind, 0, []]));
  expect(counts.served).toBeGreaterThan(100);
  expect(counts.denied).toBeGreaterThan(20);
  expect(counts.acknowledged).toBeGreaterThan(20);
  if (fault.mustRefuse) expect(counts.refused).toBeGreaterThan(0);
}
