import { parseArgs } from 'node:util';
import { AT_A_DISTANCE, CONFIGURATIONS } from './apps/index.mjs';

export const PARTS = ['http', 'checks', 'growth', 'memory', 'processes'];
const PLATFORMS = ['express', 'fastify'];

const NAMES = CONFIGURATIONS.map(({ name }) => name);

const FULL = {
  rounds: 9,
  blocks: 3,
  rampMs: 150,
  windowMs: 600,
  lightMs: 250,
  warmUpMs: 1_000,
  replayMs: 2_000,
  distances: [0, 0.5, 2],
  distant: AT_A_DISTANCE,
  users: 512,
  sizes: [1, 100, 10_000],
  repeats: 15,
  sessionCounts: [100_000, 1_000_000],
  processSubjects: ['none', 'fast-jwt', 'latchkey', 'latchkey+quota'],
  processCounts: [1, 2, 4],
};
/**
 * What differs from another only in its secret, a cache or a number would break with that one; one throttler tells of all.
 * Most break on both platforms or on none.
 */
const SMOKE_TESTED = {
  fastify: NAMES.filter(
    (name) =>
      !/-(string|bytes|cache|fixed|rolling|cookie|touch)|\+throttler$|\+3-quotas(\+cidrs)?$/.test(name),
  ),
  express: ['latchkey', 'express-session', 'passport-jwt+throttler'],
};
const QUICK = {
  only: SMOKE_TESTED,
  rounds: 1,
  blocks: 1,
  rampMs: 40,
  windowMs: 150,
  lightMs: 100,
  warmUpMs: 100,
  replayMs: 100,
  distances: [0, 2],
  distant: ['none', 'latchkey', 'passport-jwt+throttler'],
  users: 128,
  sizes: [1, 100, 1_000],
  repeats: 3,
  sessionCounts: [2_000],
  processSubjects: ['none', 'latchkey'],
  processCounts: [2],
};

const HELP = `npm run bench -- [options]
  --quick                 a smoke test of everything; its figures mean little
  --only NAME,NAME        these configurations and the baseline: ${NAMES.join(' ')}
  --platform NAME         ${PLATFORMS.join(' or ')}; default both
  --parts NAME,NAME       of ${PARTS.join(' ')}
  --rounds N              default ${FULL.rounds}
  --distances MS,MS       added to each Redis round trip; default ${FULL.distances.join(',')}
  --seconds N             the window of one measurement; default ${FULL.windowMs / 1000}
  --sessions N,N          how many to weigh; default ${FULL.sessionCounts.join(',')}
  --no-install            do not run npm ci in bench/ first
  --save                  write bench/results and the pages although this is not a full run
Without options, a full run, which is saved. All others write to bench/results/tmp.`;

/** What a run is to do, from the command line. @throws Error that says what cannot be */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      platform: { type: 'string' },
      parts: { type: 'string' },
      rounds: { type: 'string' },
      distances: { type: 'string' },
      seconds: { type: 'string' },
      sessions: { type: 'string' },
      'no-install': { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return { help: HELP };
  const options = { ...(values.quick ? QUICK : FULL), quick: values.quick };
  if (values.rounds) options.rounds = numbers(values.rounds)[0];
  options.blocks = Math.min(options.blocks, options.rounds);
  if (values.distances) options.distances = numbers(values.distances);
  if (values.seconds) options.windowMs = numbers(values.seconds)[0] * 1_000;
  if (values.sessions) options.sessionCounts = numbers(values.sessions);
  options.only = oneOf('--only', values.only, NAMES) ?? options.only;
  options.platforms = oneOf('--platform', values.platform, PLATFORMS) ?? PLATFORMS;
  options.parts = oneOf('--parts', values.parts, PARTS) ?? PARTS;
  options.install = !values['no-install'];
  const narrowed = ['only', 'platform', 'parts', 'rounds', 'distances', 'seconds', 'sessions'].some(
    (name) => values[name],
  );
  options.isFull = !values.quick && !narrowed;
  options.isSaved = options.isFull || values.save;
  return options;
}

function oneOf(option, value, known) {
  if (value === undefined) return undefined;
  const names = value.split(',');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`${option}: ${unknown} is none of ${known.join(', ')}`);
  return names;
}

function numbers(value) {
  const list = value.split(',').map(Number);
  if (list.some((number) => !Number.isFinite(number) || number < 0)) throw new Error(`${value}: no numbers`);
  return list;
}
