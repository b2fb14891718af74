// What the project set itself before it measured, and what came of it.
import { countsOf, distancesOf, rowOf, TITLES } from './tables.mjs';

/** Of no auth, without the near cache, by the number of connections; with it, everywhere. */
const WITHOUT_CACHE = {
  express: { 1: 0.6, 4: 0.82, 16: 0.88, 64: 0.9 },
  fastify: { 1: 0.36, 4: 0.58, 16: 0.8, 64: 0.95 },
};
const NEAR_CACHE = { express: 0.97, fastify: 0.92 };

const shown = (number) => number.toLocaleString('en-GB');
const atLeast = (wanted) => ({ wanted: `≥ ${shown(wanted)}`, isMet: (value) => value >= wanted });
const atMost = (wanted) => ({ wanted: `≤ ${wanted}`, isMet: (value) => value <= wanted });

/** Each goal that the run has measured well enough: `{ goal, wanted, measured, isMet }`. */
export function goalsOf({ kind, http, checks, memory }) {
  if (kind === 'quick') return [];
  const found = [...(http ? httpGoals(http) : []), ...(checks ? checkGoals(checks) : [])];
  if (memory) {
    const { sessions, bytesPerSession } = memory.at(-1);
    const goal = `bytes of Redis a session, ${shown(sessions)} of them, two a user, all included`;
    found.push({ goal, ...atMost(250), value: bytesPerSession, decimals: 0 });
  }
  return found
    .filter(({ value }) => Number.isFinite(value))
    .map(({ goal, wanted, isMet, value, decimals = 2 }) => {
      // Shown so far that it reads as what it is: 8.04 is no 8 where 8 is the most.
      let places = decimals;
      while (isMet(Number(value.toFixed(places))) !== isMet(value) && places < 6) places++;
      const measured = value.toLocaleString('en-GB', { maximumFractionDigits: places });
      return { goal, wanted, measured, isMet: isMet(value) };
    });
}

function httpGoals(http) {
  const distances = distancesOf(http);
  return Object.entries(TITLES).flatMap(([platform, title]) => {
    const row = (name, connections, redisMs = 0) => rowOf(http, name, { platform, connections, redisMs });
    const on = `on ${title}`;
    const near = distances.flatMap((redisMs) =>
      countsOf(http, redisMs).map((count) => row('latchkey-near', count, redisMs)?.fraction.median),
    );
    const [far, most] = [Math.max(...distances), countsOf(http).at(-1)];
    const ping = http.pings.find((one) => one.platform === platform && one.redisMs === far);
    const toCached = countsOf(http).map(
      (count) => row('latchkey-near', count)?.toOurs.median / row('fast-jwt-cache', count)?.toOurs.median,
    );
    return [
      ...Object.entries(WITHOUT_CACHE[platform]).map(([count, wanted]) => ({
        goal: `requests a second, no auth = 1, ${count} connection${count > 1 ? 's' : ''}, ${on}`,
        ...atLeast(wanted),
        value: row('latchkey', Number(count))?.fraction.median,
      })),
      {
        goal: `the same with the near cache, where it is least of all connections and distances, ${on}`,
        ...atLeast(NEAR_CACHE[platform]),
        value: Math.min(...near),
      },
      {
        goal: `requests a second with the near cache, fast-jwt with a warm cache = 1, where it is least, ${on}`,
        ...atLeast(1),
        value: Math.min(...toCached),
      },
      {
        goal: `p50 of one connection with Redis ${far} ms away, less a bare PING's, in ms, ${on}`,
        ...atMost(0.4),
        value: row('latchkey', 1, far)?.p50Ms - ping?.p50Ms,
      },
      {
        goal: `CPU of the guard with three quotas, their headers and an allowlist, without = 1, ${on}`,
        ...atMost(1.4),
        value: row('latchkey+3-quotas+cidrs', most)?.guardUs.median / row('latchkey', most)?.guardUs.median,
      },
    ];
  });
}

function checkGoals(checks) {
  const check = (name) => checks.find((one) => one.name === name);
  return [
    {
      goal: 'µs of the script for session, user state and activity written down',
      ...atMost(8),
      value: check('latchkey-touch')?.scriptUs.median,
      decimals: 1,
    },
    {
      goal: 'µs of the script with a quota',
      ...atMost(12),
      value: check('latchkey+quota')?.scriptUs.median,
      decimals: 1,
    },
    {
      goal: 'checks with a quota a second of one Redis core',
      ...atLeast(60_000),
      value: check('latchkey+quota')?.perCoreSecond,
      decimals: 0,
    },
  ];
}
