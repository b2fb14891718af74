import { parseArgs } from 'node:util';
import { CONFIGURATIONS } from './apps/index.mjs';

export const PARTS = ['http', 'logins', 'checks', 'growth', 'memory'];
const PLATFORMS = ['express', 'fastify'];
const NAMES = CONFIGURATIONS.map(({ name }) => name);

/** Under half an hour on two cores. */
const FULL = {
  near: { connections: [1, 4, 16, 64], rounds: 4 },
  far: { connections: [1, 16], rounds: 4 },
  distances: [2],
  rampMs: 25,
  windowMs: 150,
  warmMs: { least: 4_000, most: 20_000, window: 300 },
  warmAgainMs: 4_000,
  users: 512,
  rounds: 5,
  replayMs: 1_000,
  logins: 1_000,
  loginRounds: 5,
  sizes: [1, 100, 10_000],
  repeats: 15,
  sessionCounts: [200_000],
};
/** About an hour: more and longer windows, and a second distance. */
const LONG = {
  near: { ...FULL.near, rounds: 11 },
  far: { connections: [1, 4, 16, 64], rounds: 9 },
  distances: [0.5, 2],
  windowMs: 250,
  rounds: 9,
  replayMs: 2_000,
  sessionCounts: [100_000, 1_000_000],
};
/** What differs from another only in its secret, a cache or a number would break with that one; one throttler tells of all. */
const SMOKE_TESTED = {
  fastify: NAMES.filter(
    (name) => !/-(string|cache|fixed|cookie|touch)|\+throttler$|\+3-quotas(\+cidrs)?$/.test(name),
  ),
  express: ['latchkey', 'express-session', 'latchkey+quota', 'fast-jwt+throttler'],
};
const QUICK = {
  only: SMOKE_TESTED,
  near: { connections: [4, 64], rounds: 1 },
  far: { connections: [1], rounds: 1 },
  rampMs: 20,
  windowMs: 80,
  warmMs: { least: 0, most: 80, window: 80 },
  warmAgainMs: 0,
  users: 128,
  rounds: 1,
  replayMs: 100,
  logins: 100,
  loginRounds: 1,
  sizes: [1, 100, 1_000],
  repeats: 3,
  sessionCounts: [2_000],
};

const HELP = `npm run bench -- [options]
  --quick             a smoke test of everything; its figures mean little
  --long              twice as many and longer windows: an hour instead of half of one
  --only NAME,NAME    these configurations and what they are measured beside: ${NAMES.join(' ')}
  --platform NAME     ${PLATFORMS.join(' or ')}; default both
  --parts NAME,NAME   of ${PARTS.join(' ')}
  --rounds N          default ${FULL.near.rounds}
  --sessions N,N      how many to weigh; default ${FULL.sessionCounts.join(',')}
  --no-install        do not run npm ci in bench/ first
  --save              write bench/results and the pages although this is not a full run
A full run is saved. All others write to bench/results/tmp.`;

/** What a run is to do, from the command line. @throws Error that says what cannot be */
export function readOptions(args) {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  const { values } = parseArgs({
    args,
    options: {
      quick: flag,
      long: flag,
      save: flag,
      help: flag,
      'no-install': flag,
      only: text,
      platform: text,
      parts: text,
      rounds: text,
      sessions: text,
    },
  });
  if (values.help) return { help: HELP };
  const options = { ...FULL, ...(values.long ? LONG : {}), ...(values.quick ? QUICK : {}) };
  if (values.rounds) {
    const [rounds] = numbers(values.rounds);
    Object.assign(options, { rounds, near: { ...options.near, rounds }, far: { ...options.far, rounds } });
  }
  if (values.sessions) options.sessionCounts = numbers(values.sessions);
  options.only = oneOf('--only', values.only, NAMES) ?? options.only;
  options.platforms = oneOf('--platform', values.platform, PLATFORMS) ?? PLATFORMS;
  options.parts = oneOf('--parts', values.parts, PARTS) ?? PARTS;
  const isNarrowed = ['only', 'platform', 'parts', 'rounds', 'sessions'].some((name) => values[name]);
  options.kind = values.quick ? 'quick' : isNarrowed ? 'partial' : 'full';
  options.isSaved = options.kind === 'full' || values.save;
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
  if (list.some((number) => !(number > 0))) throw new Error(`${value}: no numbers`);
  return list;
}
