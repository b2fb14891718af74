// What the project set itself before it measured, and what came of it.
const TITLES = { express: 'Express', fastify: 'Fastify' };
const JWT_AND_THROTTLER = /\+throttler$/;

const shown = (number) => number.toLocaleString('en-GB');
const atLeast = (wanted) => ({ wanted: `≥ ${shown(wanted)}`, isMet: (value) => value >= wanted });
const atMost = (wanted) => ({ wanted: `≤ ${wanted}`, isMet: (value) => value <= wanted });
const moreThan = (wanted) => ({ wanted: `> ${wanted}`, isMet: (value) => value > wanted });

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
  const platforms = Object.keys(TITLES).filter((name) => http.rows.some(({ platform }) => platform === name));
  return platforms.flatMap((platform) => {
    const rows = http.rows.filter((row) => row.platform === platform && !row.reads);
    const row = (name, redisMs = 0) => rows.find((one) => one.name === name && one.redisMs === redisMs);
    const fraction = (name) => row(name)?.fraction.median;
    const isExpress = platform === 'express';
    const rivals = rows.filter(({ name, redisMs }) => redisMs === 0 && JWT_AND_THROTTLER.test(name));
    const far = Math.max(...http.pings.map(({ redisMs }) => redisMs));
    const ping = http.pings.find((one) => one.platform === platform && one.redisMs === far);
    const on = `on ${TITLES[platform]}`;
    return [
      {
        goal: `requests a second, no auth = 1, ${on}`,
        ...atLeast(isExpress ? 0.85 : 0.7),
        value: fraction('latchkey'),
      },
      {
        goal: `requests a second, passport-jwt with a KeyObject = 1, ${on}`,
        ...atLeast(isExpress ? 1.4 : 1.15),
        value: fraction('latchkey') / fraction('passport-jwt'),
      },
      ...(isExpress
        ? [
            {
              goal: `requests a second, fast-jwt without its cache = 1, ${on}`,
              ...atLeast(1),
              value: fraction('latchkey') / fraction('fast-jwt'),
            },
          ]
        : []),
      {
        goal: `requests a second with a quota, the fastest JWT + Throttler on Redis = 1, ${on}`,
        ...moreThan(1),
        value:
          rivals.length === 0
            ? undefined
            : fraction('latchkey+quota') / Math.max(...rivals.map((one) => one.fraction.median)),
      },
      {
        goal: `p50 with Redis ${far} ms away, less a bare PING's, in ms, ${on}`,
        ...atMost(0.4),
        value: row('latchkey', far)?.lightP50Ms - ping?.p50Ms,
      },
      {
        goal: `CPU of the guard with three quotas and an allowlist, without = 1, ${on}`,
        ...atMost(1.25),
        value: row('latchkey+3-quotas+cidrs')?.guardUs.median / row('latchkey')?.guardUs.median,
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
