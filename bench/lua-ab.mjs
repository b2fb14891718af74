// Compares `authenticate` of two Lua folders in one Redis, by the CPU time of the server, which other processes disturb
// less than a clock:
//   node bench/lua-ab.mjs OLD_FOLDER [NEW_FOLDER] [--calls=200000] [--rounds=5]
// Both run alternately, and a round counts the ratio of its two. Redis makes every function anew in each run of a script:
// an include that the hot path calls is measured with this before it replaces a copy.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expand } from '../scripts/lua-includes.mjs';

const here = new URL('../libs/session/src/redis/lua', import.meta.url).pathname;
const options = new Map(
  process.argv.filter((one) => one.startsWith('--')).map((one) => one.slice(2).split('=')),
);
const [old = here, next = here] = process.argv.slice(2).filter((one) => !one.startsWith('--'));
const calls = Number(options.get('calls') ?? 200_000);
const rounds = Number(options.get('rounds') ?? 5);
const BATCH = 200;

const scriptOf = (folder, name) =>
  expand(readFileSync(join(folder, `${name}.lua`), 'utf8'), (include) =>
    readFileSync(join(folder, 'include', `${include}.lua`), 'utf8'),
  );

const socket = `/tmp/lua-ab-${process.pid}.sock`;
const server = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', ''], {
  stdio: 'ignore',
});
const redis = new Redis(socket);
redis.on('error', () => undefined); // it is tried again until the server is up

const [KEYS, ID, HASH] = [['s:{ada}', 'd:{ada}'], 'A'.repeat(16), Buffer.alloc(32, 7)];
const DAY = 86_400_000;
const CREATE = [
  'ada',
  ID,
  HASH,
  '\0\0',
  DAY,
  30 * DAY,
  1,
  '',
  5_000_000_000,
  10,
  'evict-oldest',
  DAY,
  50,
  '',
  '',
  '',
  '',
  '',
  '',
];
const check = (roleLifetimes, ...quotas) => [
  ID,
  HASH,
  '',
  '',
  '',
  '',
  60_000,
  DAY,
  '',
  roleLifetimes,
  ...quotas,
];
const CASES = {
  plain: check(''),
  'lifetimes of roles': check(`admin ${DAY} ${DAY}`),
  'one quota': check('', 'q:all', 1, 1_000_000_000),
  'three quotas': check(
    '',
    'q:all',
    'q:one',
    'q:two',
    ...Array.from({ length: 6 }, (_, i) => (i % 2 ? 1_000_000_000 : 1)),
  ),
};

async function cpuSeconds() {
  const info = await redis.info('cpu');
  const of = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return of('used_cpu_user_main_thread') + of('used_cpu_sys_main_thread');
}

async function microseconds(sha, args) {
  const before = await cpuSeconds();
  for (let done = 0; done < calls; done += BATCH) {
    const batch = redis.pipeline();
    for (let i = 0; i < BATCH; i++) batch.evalsha(sha, 1, KEYS[0], ...args);
    await batch.exec();
  }
  return ((await cpuSeconds()) - before) * (1e6 / calls);
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

await redis.eval(scriptOf(old, 'create-session'), 2, ...KEYS, ...CREATE, 'channel');
const [a, b] = await Promise.all(
  [old, next].map((folder) => redis.script('LOAD', scriptOf(folder, 'authenticate'))),
);
for (const [name, args] of Object.entries(CASES).filter(([one]) =>
  one.startsWith(options.get('case') ?? ''),
)) {
  if ((await redis.evalshaBuffer(a, 1, KEYS[0], ...args)).readUInt8(0) !== 1)
    throw new Error('the session is not live');
  await microseconds(a, args);
  const times = { a: [], b: [] };
  for (let round = 0; round < rounds; round++) {
    for (const which of round % 2 ? ['b', 'a'] : ['a', 'b'])
      times[which].push(await microseconds(which === 'a' ? a : b, args));
  }
  const ratios = times.a.map((one, i) => times.b[i] / one);
  const [was, is] = [median(times.a), median(times.b)].map((one) => one.toFixed(3));
  console.log(
    `${name}: ${was} → ${is} µs; ratio of medians ${(is / was).toFixed(4)}, median of ratios ${median(ratios).toFixed(4)}`,
  );
}
redis.disconnect();
server.kill();
