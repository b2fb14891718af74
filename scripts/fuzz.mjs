// Sends odd requests to the sample (Express) and to an app on Fastify, in memory and on a redis-server of its own, and says
// what was answered wrongly. A run is made by its seed, though not by its timing. Environment:
//   FUZZ_REQUESTS  how many in all (default 200000)
//   FUZZ_SEED      a whole number (default by the clock; it is printed)
//   FUZZ_TARGETS   some of express-memory,express-redis,fastify-memory,fastify-redis (default all)
// It ends with 1 if a process died, or a reply was a 5xx (but an honest 503), said what is inside, was not as documented or
// late, or if memory grew.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeRequest } from '../test/inputs/support/http-bytes.mjs';
import { faultOf, readReplies } from '../test/inputs/support/http-replies.mjs';
import { Random } from '../test/inputs/support/seeded-random.mjs';
import { ensureProgram } from './ensure-debian.mjs';

const root = join(import.meta.dirname, '..');
const requests = Number(process.env.FUZZ_REQUESTS ?? 200_000);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
const names = (process.env.FUZZ_TARGETS ?? 'express-memory,express-redis,fastify-memory,fastify-redis').split(
  ',',
);
const CONNECTIONS = 32;
/** A reply may wait for a password's hash on a busy machine, and for no more. */
const LATE_MS = 5_000;
/** How long bytes that do not say where they end are waited upon. */
const PATIENCE_MS = 60;
const running = new Set();
let failed = false;
let isStopping = false;

const FASTIFY_ROUTES = [
  ['POST', '/auth/login', 'userId,deviceName,data,roles,transport'],
  ['POST', '/auth/refresh', 'refreshToken'],
  ['GET', '/auth/me'],
  ['GET', '/sessions'],
  ['DELETE', '/sessions/:id'],
  ['PATCH', '/data', 'a,b,c'],
  ['GET', '/data'],
  ['POST', '/block', 'userId,reason,until'],
  ['GET', '/events'],
].map(([method, path, fields]) => ({ method, path, fields: fields?.split(',') ?? [] }));

function start(command, args, env) {
  const child = spawn(command, args, {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => (child.text = (child.text + chunk).slice(-20_000)));
  }
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

async function waitFor(child, pattern) {
  for (const until = Date.now() + 30_000; Date.now() < until && running.has(child); await sleep(20)) {
    if (pattern.test(child.text)) return;
  }
  throw new Error(`${child.spawnargs.join(' ')} did not say ${pattern}:\n${child.text}`);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** The routes of the sample as it describes them itself. */
async function routesOf(url) {
  const { paths, components } = await (await fetch(`${url}/docs-json`)).json();
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { requestBody }]) => {
      const schema = requestBody?.content?.['application/json']?.schema;
      const name = schema?.$ref?.split('/').at(-1);
      const properties =
        (name ? components.schemas[name] : schema)?.properties ?? (requestBody ? { a: 1, b: 1 } : {});
      return { method: method.toUpperCase(), path, fields: Object.keys(properties) };
    }),
  );
}

/** One app in a process of its own, and those who use it. */
class Target {
  people = [{}];
  faults = new Map();
  statuses = new Map();
  memory = [];
  slowest = 0;
  sent = 0;

  constructor(name, share) {
    this.name = name;
    this.share = share;
    this.isSample = name.startsWith('express');
    this.random = new Random(seed ^ (name.length * 2_654_435_761) ^ name.charCodeAt(9));
  }

  async run() {
    if (this.name.endsWith('redis')) await this.startRedis();
    const port = await freePort();
    const env = { HOST: '127.0.0.1', PORT: String(port), NODE_ENV: 'test', REFRESH: 'on' };
    for (const quota of ['LOGIN_QUOTA', 'POST_QUOTA', 'SESSION_QUOTA']) env[quota] = '999999';
    if (this.redisUrl) env.REDIS_URL = this.redisUrl;
    const entry = this.isSample ? 'dist/src/main.js' : 'test/inputs/support/fastify-app.mjs';
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.child = start(process.execPath, [entry], env);
    await waitFor(this.child, /listening on http/);
    await sleep(this.isSample ? 1_500 : 0); // the demo accounts
    this.routes = this.isSample ? await routesOf(this.url) : FASTIFY_ROUTES;
    await this.logEverybodyIn();
    const memory = setInterval(() => this.memory.push(this.residentMegabytes()), 250);
    await Promise.all(Array.from({ length: CONNECTIONS }, () => this.work()));
    clearInterval(memory);
    await sleep(500);
    await this.judge();
  }

  async startRedis() {
    const port = await freePort();
    this.folder = mkdtempSync(join(tmpdir(), 'latchkey-fuzz-'));
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', this.folder];
    this.redis = start(ensureProgram('redis-server'), args, {});
    await waitFor(this.redis, /Ready to accept connections/);
    this.redisUrl = `redis://127.0.0.1:${port}`;
  }

  async logEverybodyIn() {
    const host = `127.0.0.1:${this.port}`;
    const people = [{ host }];
    for (const [i, name] of ['alice', 'mia', 'root', 'bob'].entries()) {
      const transport = i % 2 === 0 ? 'bearer' : 'cookie';
      const body = this.isSample
        ? { username: name, password: `correct-horse-${name}`, transport }
        : { userId: name, transport, deviceName: 'fuzz', roles: name === 'root' ? ['admin'] : [] };
      const reply = await fetch(`${this.url}/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }).catch(() => undefined);
      if (!reply?.ok) continue;
      const { user, session, token, refreshToken } = await reply.json();
      const cookie = (wanted) =>
        reply.headers
          .getSetCookie()
          .find((line) => line.startsWith(wanted))
          ?.split(';')[0]
          .slice(wanted.length + 1);
      people.push({
        host,
        transport,
        userId: user?.id ?? name,
        sessionId: session?.id,
        token: token ?? cookie('__Host-session'),
        refreshToken: refreshToken ?? cookie('__Secure-refresh'),
      });
    }
    this.people = people;
  }

  async work() {
    while (
      !isStopping &&
      this.sent < this.share &&
      this.child.exitCode === null &&
      this.child.signalCode === null
    ) {
      const count = this.random.chance(0.15) ? 1 + this.random.below(5) : 1;
      const batch = Array.from({ length: count }, (_, i) =>
        makeRequest(this.random, { routes: this.routes, people: this.people, isLast: i === count - 1 }),
      );
      this.sent += count;
      // What was fuzzed has ended sessions, blocked people and changed tokens.
      if (this.sent % 1_000 < count) await this.logEverybodyIn();
      await this.exchange(batch);
    }
  }

  async exchange(batch) {
    const bytes = Buffer.concat(batch.map((one) => one.bytes));
    const isReset = this.random.chance(0.06);
    const cut = isReset ? this.random.below(bytes.length) : bytes.length;
    const isWhole = batch.every((one) => one.isWhole);
    const startedAt = performance.now();
    const received = await this.send(bytes.subarray(0, cut), {
      isReset,
      isWhole,
      isSplit: this.random.chance(0.1),
      batch,
    });
    const ms = performance.now() - startedAt;
    if (isReset) return;
    if (received === undefined) {
      if (isWhole && this.child.exitCode === null)
        this.fault(batch, `no end of the reply within ${LATE_MS} ms`, bytes);
      return;
    }
    if (isWhole) this.slowest = Math.max(this.slowest, ms);
    const { replies, problem } = readReplies(
      received,
      batch.map(({ method }) => method),
    );
    if (problem) this.fault(batch, problem, bytes);
    for (const [i, reply] of replies.entries()) {
      this.statuses.set(reply.status, (this.statuses.get(reply.status) ?? 0) + 1);
      const fault = faultOf(reply, batch[i]?.method, { isProblemJson: this.isSample });
      if (fault) this.fault(batch, fault, bytes);
    }
  }

  /** @returns what came back until the end; `undefined` if the end did not come */
  send(bytes, { isReset, isWhole, isSplit, batch }) {
    return new Promise((resolve) => {
      const chunks = [];
      const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
      const finish = (isEnded) => {
        clearTimeout(timer);
        socket.destroy();
        resolve(isEnded || !isWhole ? Buffer.concat(chunks) : undefined);
      };
      const timer = setTimeout(() => finish(false), isWhole ? LATE_MS : PATIENCE_MS);
      socket.on('error', () => finish(true)).on('close', () => finish(true));
      socket.on('data', (chunk) => {
        chunks.push(chunk);
        if (batch.some(({ isStream }) => isStream) && chunk.includes('event-stream')) finish(true);
      });
      socket.once('connect', () => {
        if (isSplit) {
          const half = bytes.length >> 1;
          socket.write(bytes.subarray(0, half));
          setTimeout(() => socket.writable && socket.write(bytes.subarray(half)), 2);
        } else socket.write(bytes);
        if (isReset) setTimeout(() => socket.resetAndDestroy(), this.random.below(4));
      });
    });
  }

  fault(batch, what, bytes) {
    const key = what.replace(/[\w-]{16,}|\d+/g, '…').slice(0, 120);
    const known = this.faults.get(key);
    if (known) known.count++;
    else
      this.faults.set(key, {
        count: 1,
        what,
        names: batch.map(({ name }) => name),
        bytes: bytes.toString('latin1').slice(0, 600),
      });
  }

  residentMegabytes() {
    try {
      return (
        Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))?.[1] ?? 0) /
        1_024
      );
    } catch {
      return 0;
    }
  }

  async judge() {
    const { exitCode, signalCode } = this.child;
    const isAlive = exitCode === null && signalCode === null;
    // Whoever stops this process by its group stops the app as well.
    const isStopped = isStopping && exitCode === 0;
    const isThere =
      isAlive &&
      (await fetch(`${this.url}/auth/me`, { signal: AbortSignal.timeout(3_000) }).catch(() => undefined));
    if (!isThere && !isStopped) {
      this.faults.set('dead', {
        count: 1,
        what: `the process is dead: ${this.child.text.slice(-2_000)}`,
        names: [],
        bytes: '',
      });
    }
    const half = this.memory.slice(this.memory.length >> 1);
    const third = half.slice(0, Math.ceil(half.length / 3));
    const last = half.slice(-Math.ceil(half.length / 3));
    const [before, after] = [median(third), median(last)];
    // The memory store keeps what logins make, as it should; Redis's apps keep nothing.
    if (this.redisUrl && this.sent > 20_000 && after > before * 1.25 + 20) {
      this.faults.set('memory', {
        count: 1,
        what: `memory grew from ${before} to ${after} MB in the second half`,
        names: [],
        bytes: '',
      });
    }
    const told = [...this.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}×${count}`);
    console.log(
      `${this.name}: ${this.sent} requests, slowest ${Math.round(this.slowest)} ms, memory ${Math.round(before)} → ${Math.round(after)} MB; ${told.join(' ')}`,
    );
    for (const { count, what, names, bytes } of this.faults.values()) {
      failed = true;
      console.log(
        `FAULT (${count}×) ${this.name}: ${what}\n  ${names.join(' | ')}\n  ${JSON.stringify(bytes)}`,
      );
    }
  }

  async stop() {
    for (const child of [this.child, this.redis]) {
      if (!child || !running.has(child)) continue;
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), 12_000);
      await closed;
      clearTimeout(impatience);
    }
    if (this.folder) rmSync(this.folder, { recursive: true, force: true });
  }
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
// Asked to stop, it tells what it has found by then.
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => (isStopping = true));

console.log(`seed ${seed}, ${requests} requests to ${names.join(', ')}`);
spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), '--if-needed'], {
  cwd: root,
  stdio: 'inherit',
});
for (let i = 0; i < names.length && !isStopping; i += 2) {
  await Promise.all(
    names.slice(i, i + 2).map(async (name) => {
      const target = new Target(name, Math.ceil(requests / names.length));
      try {
        await target.run();
      } finally {
        await target.stop();
      }
    }),
  );
}
process.exit(failed ? 1 : 0);
