// The figures in the README and in pages of docs, each between its markers, from the checked-in JSON.
// `node bench/report/pages.mjs` writes them; with --check it only tells whether they are what the JSON says; a path after
// it says in which folder the pages lie.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { goalsOf } from './goals.mjs';
import { describeRun, warningAbout } from './markdown.mjs';
import { sizesBlock } from './sizes.mjs';
import { configurationsOf, loginsTable, number, rowOf, table, TITLES, whereOthersLead } from './tables.mjs';

const [BEGIN, END] = ['<!-- bench:begin -->', '<!-- bench:end -->'];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RESULTS = new URL('../results/results.json', import.meta.url);
const FAR_MS = 2;
/** The numbers of connections that pages tell of. */
const SHOWN = [4, 64];
const BLOCKS = {
  'README.md': summaryBlock,
  'docs/benchmarks.md': tableBlock,
  'docs/compared.md': comparisonBlock,
  'docs/redis-sizing.md': sizesBlock,
};
const COMPARED = [
  'latchkey',
  'latchkey-near',
  'latchkey+quota',
  'latchkey-passport',
  'passport-jwt',
  'fast-jwt',
  'fast-jwt-cache',
  'jwt-revocation',
  'supertokens',
  'fast-jwt+throttler',
  'express-session',
  'fastify-session',
  'better-auth',
  'better-auth-cookie',
];

/** One figure of a row for each shown number of connections: `0.76 · 0.83`. */
function figures(http, name, platform, read) {
  const told = SHOWN.map((connections) => {
    const row = rowOf(http, name, { platform, connections });
    const value = row && read(row);
    return value === undefined ? undefined : number(value, 2);
  });
  return told.every((figure) => figure === undefined) ? '–' : told.map((figure) => figure ?? '–').join(' · ');
}
const fractions = (http, name, platform) => figures(http, name, platform, ({ fraction }) => fraction.median);

/** What the README says: lines for speed, for those who are ahead, for Redis and the run. */
function summaryBlock(results) {
  const { http, checks, memory } = results;
  const told = (name) => {
    const label = configurationsOf(http).find((one) => one.name === name)?.label;
    const on = Object.keys(TITLES)
      .map((platform) => [TITLES[platform], fractions(http, name, platform)])
      .filter(([, figure]) => figure !== '–')
      .map(([title, figure]) => `${figure} on ${title}`);
    return label && on.length > 0 ? `${label} ${on.join(', ')}` : [];
  };
  const names = [
    'latchkey',
    'latchkey-near',
    'fast-jwt',
    'jwt-revocation',
    'latchkey-passport',
    'passport-jwt',
  ];
  const check = checks?.find(({ name }) => name === 'latchkey');
  const weight = memory?.at(-1);
  const redis =
    check && weight
      ? `One check is one Redis call, ${number(check.scriptUs.median, 1)} µs of its script; ` +
        `a session takes ${number(weight.bytesPerSession)} bytes. `
      : '';
  const warning = warningAbout(results);
  return [
    ...(warning ? [warning, ''] : []),
    `- Requests per second at ${SHOWN.join(' · ')} connections, the same app without auth = 1: ${names.flatMap(told).join('; ')}.`,
    `- ${whereOthersLead(http, { counts: SHOWN })}`,
    `- ${redis}${describeRun(results)}`,
  ]
    .map(wrapped)
    .join('\n');
}

/** A list item in lines of 120 characters. */
function wrapped(text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line && line.length + 1 + word.length > 120) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines.join('\n');
}

function farAway(http, name, platform) {
  const row = rowOf(http, name, { platform, connections: 1, redisMs: FAR_MS });
  return row ? `${number(row.p50Ms, 2)} ms` : '–';
}

/** The whole table, and what to think of it. */
function tableBlock(results) {
  const { http, logins, checks, memory } = results;
  const rows = configurationsOf(http).map(({ name, label, redisCalls }) => [
    label,
    ...Object.keys(TITLES).flatMap((platform) => [
      fractions(http, name, platform),
      figures(http, name, platform, ({ toOurs }) => toOurs?.median),
    ]),
    redisCalls ?? 'rarely',
    farAway(http, name, 'express'),
  ]);
  const header = [
    '',
    ...Object.values(TITLES).flatMap((title) => [title, '× ours']),
    'Redis calls',
    `p50 on Express, Redis ${FAR_MS} ms away`,
  ];
  const ping = http.pings.find(({ redisMs }) => redisMs === FAR_MS);
  const lines = [
    warningAbout(results),
    `Requests per second at ${SHOWN.join(' · ')} connections as a fraction of the same app without auth, and as a multiple ` +
      'of ours of the same kind; Redis on the same machine.' +
      (ping ? ` A bare \`PING\` of the Redis further away takes ${number(ping.p50Ms, 2)} ms.` : ''),
    table(header, rows),
    whereOthersLead(http),
    howFarToTrust(http),
    logins && `A login, and what its session weighs in Redis:\n\n${loginsTable(logins)}`,
  ];
  const [check, quota] = ['latchkey', 'latchkey+quota'].map((name) =>
    checks?.find((row) => row.name === name),
  );
  const weight = memory?.at(-1);
  if (check && quota && weight) {
    lines.push(
      `Redis spends ${number(check.scriptUs.median, 1)} µs in a check's script, ${number(quota.scriptUs.median, 1)} with a quota; ` +
        `one core makes ${number(quota.perCoreSecond)} of the latter a second where they come in pipelines. A session takes ${number(weight.bytesPerSession)} bytes ` +
        `(${number(weight.sessions)} of them, two a user, the users' own records included).`,
    );
  }
  const missed = goalsOf(results).filter(({ isMet }) => !isMet);
  const told = missed.map(({ goal, wanted, measured }) => `- ${goal}: ${measured} (${wanted} was wanted)`);
  if (results.kind === 'full' && told.length === 0) lines.push('Every goal set beforehand was met.');
  if (told.length > 0) lines.push(`Goals set beforehand and missed:\n\n${told.join('\n')}`);
  lines.push(`${describeRun(results)} [All figures](../bench/results/results.md).`);
  return lines.filter(Boolean).join('\n\n');
}

/** How far apart the windows of one configuration are. */
function howFarToTrust(http) {
  const told = Object.keys(TITLES).flatMap((platform) =>
    SHOWN.flatMap((connections) => {
      const row = rowOf(http, 'latchkey', { platform, connections });
      if (!row) return [];
      const { q1, q3 } = row.fraction;
      return `${q1.toFixed(2)}–${q3.toFixed(2)} (${TITLES[platform]}, ${connections})`;
    }),
  );
  return `These are medians. The middle half of Latchkey's own windows: ${told.join(', ')}. Small differences say nothing.`;
}

/** What docs/compared.md says of the peers that it compares. */
function comparisonBlock(results) {
  const { http } = results;
  const rows = configurationsOf(http)
    .filter(({ name }) => COMPARED.includes(name))
    .map(({ name, label, redisCalls }) => {
      const platform = rowOf(http, name, { platform: 'express', connections: SHOWN[1] })
        ? 'express'
        : 'fastify';
      const cpu = rowOf(http, name, { platform, connections: SHOWN[1] })?.guardUs.median;
      return [
        label,
        ...Object.keys(TITLES).map((one) => fractions(http, name, one)),
        redisCalls ?? 'rarely',
        number(cpu),
        farAway(http, name, platform),
      ];
    });
  const header = [
    '',
    ...Object.values(TITLES),
    'Redis calls',
    'CPU of it, µs',
    `1 request at a time, Redis ${FAR_MS} ms away`,
  ];
  return [
    warningAbout(results),
    `The same Nest app without authentication is 1; more is better; at ${SHOWN.join(' · ')} connections. ${describeRun(results)}`,
    table(header, rows),
    whereOthersLead(http),
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** A page with the block put between its markers. */
function withBlock(page, block) {
  const [start, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`a page lacks ${BEGIN} … ${END}`);
  // Formatting the page must not change what the check compares.
  const ignored = `<!-- prettier-ignore-start -->\n\n${block}\n\n<!-- prettier-ignore-end -->`;
  return `${page.slice(0, start + BEGIN.length)}\n${ignored}\n${page.slice(end)}`;
}

/** The pages that are not what the results say: `{ path, page }`, with what they should be. */
function outdatedPages(results, folder) {
  return Object.entries(BLOCKS).flatMap(([name, block]) => {
    const path = join(folder, name);
    const before = readFileSync(path, 'utf8');
    const page = withBlock(before, block(results));
    return page === before ? [] : [{ path, page }];
  });
}

export function writePages(results = JSON.parse(readFileSync(RESULTS, 'utf8'))) {
  for (const { path, page } of outdatedPages(results, ROOT)) writeFileSync(path, page);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [first, folder = ROOT] = process.argv.slice(2);
  if (first !== '--check') {
    writePages();
  } else {
    for (const { path } of outdatedPages(JSON.parse(readFileSync(RESULTS, 'utf8')), folder)) {
      console.error(`The figures in ${path} are not those of bench/results: node bench/report/pages.mjs`);
      process.exitCode = 1;
    }
  }
}
