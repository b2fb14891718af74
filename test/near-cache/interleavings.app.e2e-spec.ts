import { explore } from './support/explore.js';
import { MISTAKES } from './support/mistakes.js';
import { replace } from './support/replace.js';
import { type Budget, current, fakeSleep as mockSleep, tellOfWaits } from './support/world.js';

jest.mock('node:timers/promises', () => ({ setTimeout: (ms: number) => mockSleep(ms) }));

const isSoak = process.env['SOAK'] === '1';

interface Start extends Budget {
  /** Moves that are made before all others. */
  readonly first?: readonly string[];
  /** Gone through only with SOAK=1. */
  readonly isLong?: boolean;
}

/** Node 0 answers requests, node 1 acts. */
const ONE = { nodes: 2, requests: [1, 0], acts: [0, 1], ticks: 0, polls: 0 } as const;
/** A lease is on its way back, after the first of two acts, whose wait goes on; the next has overtaken it. */
const GIVING_BACK = ['request 0', 'run 0', 'reply 0', 'act 1', 'run 0', 'deliver 0', 'request 0', 'run 1'];
const TWO_ACTS = {
  ...ONE,
  requests: [2, 0],
  acts: [0, 2],
  polls: 1,
  isReordered: true,
  first: GIVING_BACK,
} as const;
const WORLDS = {
  'slow answers': { ...ONE, ticks: 1 },
  'an act that asks again': { ...ONE, polls: 1 },
  'an act that gets no answer': { ...ONE, unanswered: 1 },
  'an act that is announced': { ...ONE, events: true, first: ['request 0', 'run 0'] },
  'two requests': { ...ONE, requests: [2, 0] },
  'two acts': { ...TWO_ACTS, polls: 0 },
  'two acts that ask again': { ...TWO_ACTS, isLong: true },
  'a check that is sent again': { ...ONE, resent: 1 },
  'a check that is given up': { ...ONE, givenUp: 1 },
  'an entry that is forgotten': {
    ...ONE,
    requests: [2, 0],
    evictions: 1,
    first: ['request 0', 'run 0', 'reply 0'],
  },
  FLUSHALL: { ...ONE, flushes: 1 },
  'a failover that loses leases': { ...ONE, failovers: 1 },
  "Redis's clock set forward": { ...ONE, redisSteps: [600] },
  "Redis's clock set back": { ...ONE, redisSteps: [-600] },
  "Redis's clock set forward by little": { ...ONE, redisSteps: [300], meetingMs: 400 },
  "Redis's clock set before it was known": { ...ONE, redisSteps: [600], isStranger: true },
  'a wall clock set back': { ...ONE, wallSteps: [-3_000] },
  'a node that is suspended': { ...ONE, suspensions: 1 },
} satisfies Record<string, Start>;

/** Where each mistake is found. */
const FOUND = {
  'the deadline is counted from when the answer came': 'slow answers',
  'what is on its way when somebody acts is believed': 'slow answers',
  'an act recalls and does not wait': 'slow answers',
  'leases are given back without a number': 'two acts that ask again',
  'who waits for a check on its way takes its answer': 'two requests',
  'a record that was lost takes its leases along': 'FLUSHALL',
  'all servers are one': 'a failover that loses leases',
  'a clock that is set goes unseen': "Redis's clock set forward",
  'a server is believed at first sight': "Redis's clock set before it was known",
  'time is what the monotonic clock says': 'a node that is suspended',
  'time is what the wall clock says': 'a wall clock set back',
} satisfies Record<keyof typeof MISTAKES, keyof typeof WORLDS>;

/** More of what any world has, with SOAK=1. */
function startOf(name: keyof typeof WORLDS): Start {
  const budget: Start = WORLDS[name];
  return isSoak ? { ...budget, ticks: budget.ticks + 1, polls: 1 } : budget;
}

const undo: (() => void)[] = [];
beforeAll(() => {
  undo.push(
    replace(performance, 'now', () => () => current.world?.clocks().monotonic ?? 0),
    replace(Date, 'now', () => () => current.world?.clocks().wall ?? 0),
    replace(globalThis, 'setInterval', () => () => ({ unref: () => undefined })),
  );
});
afterAll(() => {
  for (const one of undo) one();
});

async function explored(name: keyof typeof WORLDS) {
  const quiet = tellOfWaits();
  try {
    const { first, isLong: _, ...budget } = startOf(name);
    return await explore(budget, first);
  } finally {
    quiet();
  }
}

const TIMEOUT_MS = isSoak ? 600_000 : 30_000;
const worlds = (Object.keys(WORLDS) as (keyof typeof WORLDS)[]).filter(
  (name) => isSoak || !('isLong' in WORLDS[name]),
);
const mistakes = Object.keys(FOUND) as (keyof typeof MISTAKES)[];

describe('In every order of what may happen, no node answers from before an act that has resolved', () => {
  it.each(worlds)(
    'with %s',
    async (name) => {
      const { states, violation } = await explored(name);
      expect(violation).toBeUndefined();
      expect(states).toBeGreaterThan(100);
    },
    TIMEOUT_MS,
  );
});

describe('The same search finds', () => {
  it.each(mistakes)(
    '%s',
    async (mistake) => {
      const mend = MISTAKES[mistake]();
      try {
        expect((await explored(FOUND[mistake])).violation).toMatch(/from before/);
      } finally {
        mend();
      }
    },
    TIMEOUT_MS,
  );
});
