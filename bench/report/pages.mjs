// The figures in docs/benchmarks.md, and three lines of them in the README, each between its markers, from the checked-in
// JSON. `node bench/report/pages.mjs` writes them; with --check it only tells whether they are what the JSON says; a path
// after it says in which folder the two pages lie.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { goalsOf } from './goals.mjs';
import { describeRun, warningAbout } from './markdown.mjs';
import { byConfiguration, number, table } from './tables.mjs';

const [BEGIN, END] = ['<!-- bench:begin -->', '<!-- bench:end -->'];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RESULTS = new URL('../results/results.json', import.meta.url);
const FAR_MS = 2;
const PAGE = '../bench/results/results.md';
const BLOCKS = { 'README.md': summaryBlock, 'docs/benchmarks.md': tableBlock };
const LEFT_OUT =
  /^(none|latchkey\+3-quotas\+list|.*-(bytes|fixed|rolling)|(nestjs-jwt|jose).*|.*-string\+throttler)$/;

/** What the README says: a line for speed, one for those who are ahead, one for Redis and the run. */
function summaryBlock(results) {
  const { http, checks, memory } = results;
  const rows = byConfiguration(http);
  const fractions = ({ express, fastify }) =>
    [
      express && `${express.fraction.median.toFixed(2)} on Express`,
      fastify && `${fastify.fraction.median.toFixed(2)} on Fastify`,
    ]
      .filter(Boolean)
      .join(', ');
  const told = (names) =>
    names
      .map((name) => rows.find((row) => row.name === name))
      .filter(Boolean)
      .map((row) => `${row.label} ${fractions(row)}`)
      .join('; ');
  const check = checks?.find(({ name }) => name === 'latchkey');
  const weight = memory?.at(-1);
  const redis =
    check && weight
      ? [
          `One check is one Redis call, ${number(check.scriptUs.median, 1)} µs of its script; ` +
            `a session takes ${number(weight.bytesPerSession)} bytes.`,
        ]
      : [];
  const warning = warningAbout(results);
  return [
    ...(warning ? [warning, ''] : []),
    `- Requests per second, the same app without auth = 1: ${told(['latchkey', 'passport-jwt', 'express-session'])}.`,
    `- ${whereOthersWin(rows, '')}`,
    `- ${[...redis, describeRun(results)].join(' ')}`,
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

/** The whole table, and what to think of it. */
function tableBlock(results) {
  const { http, checks, memory } = results;
  const near = byConfiguration(http);
  const far = byConfiguration(http, { redisMs: FAR_MS });
  const cell = (row) => row?.fraction.median.toFixed(2) ?? '–';
  const shown = near.filter(({ name }) => !LEFT_OUT.test(name));
  const rows = shown.map(({ name, label, redisCalls, express, fastify }) => {
    const distant = far.find((row) => row.name === name);
    const p50 = distant?.express?.lightP50Ms;
    return [
      label,
      cell(express),
      cell(fastify),
      redisCalls,
      p50 === undefined ? '–' : `${number(p50, 2)} ms`,
    ];
  });
  const header = ['', 'Express', 'Fastify', 'Redis calls', `p50 on Express, Redis ${FAR_MS} ms away`];
  const ping = http.pings.find(({ redisMs }) => redisMs === FAR_MS);
  const warning = warningAbout(results);
  const lines = [
    ...(warning ? [warning] : []),
    'Requests per second as a fraction of the same app without auth, 64 connections, Redis on the same machine' +
      (ping
        ? `; p50 of one request at a time, where a bare \`PING\` takes ${number(ping.p50Ms, 2)} ms`
        : '') +
      '.',
    table(header, rows),
    howFarToTrust(near),
    whereOthersWin(near, ''),
    whereOthersWin(byConfiguration(http, { reads: true }), ' where the handler reads from Redis once more'),
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
  const goals = goalsOf(results);
  const missed = goals.filter(({ isMet }) => !isMet);
  const told = missed.map(({ goal, wanted, measured }) => `${goal}: ${measured} (${wanted} was wanted)`);
  if (results.kind === 'full' && told.length === 0) lines.push('Every goal set beforehand was met.');
  if (told.length > 0) lines.push(`Goals set beforehand and missed: ${told.join('; ')}.`);
  lines.push(`${describeRun(results)} [All figures](${PAGE}).`);
  return lines.filter((line) => line !== '').join('\n\n');
}

/** How far apart the rounds of one configuration are. */
function howFarToTrust(rows) {
  const ours = rows.find(({ name }) => name === 'latchkey');
  const between = (row) => `${row.fraction.q1.toFixed(2)} and ${row.fraction.q3.toFixed(2)}`;
  if (!ours?.express || !ours.fastify) return '';
  return (
    `These are medians. The middle half of Latchkey's own rounds lies between ${between(ours.express)} on Express, ` +
    `and ${between(ours.fastify)} on Fastify: small differences say nothing.`
  );
}

/** Which peers are ahead, and where, also of those that the table leaves out. */
function whereOthersWin(rows, when) {
  const ours = rows.find(({ name }) => name === 'latchkey');
  if (!ours) return '';
  const ahead = (platform) =>
    rows
      .filter(({ name }) => !name.startsWith('latchkey') && name !== 'none' && name !== 'empty-guard')
      .filter((row) => row[platform]?.fraction.median > ours[platform]?.fraction.median)
      .map(({ label }) => label);
  const told = (names) => (names.length === 0 ? 'nobody' : names.join('; '));
  return `Ahead of Latchkey's guard${when}, on Express: ${told(ahead('express'))}. On Fastify: ${told(ahead('fastify'))}.`;
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
