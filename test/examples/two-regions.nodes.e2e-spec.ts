import type { INestApplication } from '@nestjs/common';
import { type Region, start } from '../../examples/two-regions/app.js';
import { SessionService, UserStateService } from '@latchkey/session';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { StreamClient } from '../live/support/clients.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { BUSY_MS, EARLY_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

/** From a request on the line between the regions to its reply. */
const ROUND_TRIP_MS = 80;
/** The library's promise. */
const ANSWERED_MS = 250;

interface Side {
  readonly app: INestApplication;
  readonly url: string;
  readonly server: RedisServer;
  /** On which the other region reaches this one's Redis. */
  readonly line: CutOffProxy;
}

let sides: Record<Region, Side>;
let replica: RedisServer;
let replicaLine: CutOffProxy;
const both = () => Object.values(sides);
const said: string[] = [];

beforeAll(async () => {
  const servers = { eu: await RedisServer.start(), us: await RedisServer.start() };
  const lines = {
    eu: await CutOffProxy.start(servers.eu.port),
    us: await CutOffProxy.start(servers.us.port),
  };
  for (const line of Object.values(lines)) line.delayMs = ROUND_TRIP_MS;
  const side = async (here: Region): Promise<Side> => {
    const redis = { eu: lines.eu.url, us: lines.us.url, [here]: servers[here].url };
    const app = await start(0, here, redis);
    return { app, url: await app.getUrl(), server: servers[here], line: lines[here] };
  };
  sides = { eu: await side('eu'), us: await side('us') };
  replicaLine = await CutOffProxy.start(servers.eu.port);
  replicaLine.delayMs = ROUND_TRIP_MS;
  replica = await RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(replicaLine.port)] });
});
afterAll(async () => {
  for (const { app } of both()) await app.close();
  await replica.stop();
  for (const { line, server } of both()) await Promise.all([line.close(), server.stop()]);
  await replicaLine.close();
  if (process.env['SAY']) console.log(said.join('\n'));
});

/** @returns the cookie of the user's home region; on a busy machine the line leaves little time, so 503 is tried again */
async function logIn(at: Region, username: string, attempts = 10): Promise<string> {
  const response = await fetch(`${sides[at].url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: `${username}-password` }),
  });
  if (response.status === 503 && attempts > 1) return logIn(at, username, attempts - 1);
  expect(response.status).toBe(200);
  return response.headers.getSetCookie()[0]!.split(';')[0]!;
}

interface Answer {
  readonly at: number;
  readonly status: number;
  readonly ms: number;
}

async function ask(at: Region, cookie: string, path = 'me', method = 'GET'): Promise<Answer> {
  const startedAt = performance.now();
  const response = await fetch(`${sides[at].url}/${path}`, { method, headers: { cookie } });
  const text = await response.text();
  if (method === 'POST') said.push(text);
  return { at: startedAt, status: response.status, ms: performance.now() - startedAt };
}

/**
 * The fastest answers with this status, at least seven and more until one is below the bound: what the machine does
 * besides is in none of it.
 */
async function fastest(
  at: Region,
  cookie: string,
  { status, belowMs }: { readonly status: number; readonly belowMs: number },
): Promise<number> {
  let [count, best] = [0, Infinity];
  const all: string[] = [];
  for (; count < 7 || (count < 50 && best >= belowMs); count++) {
    const answer = await ask(at, cookie);
    if (answer.status === status) best = Math.min(best, answer.ms);
    all.push(`${answer.status} ${answer.ms.toFixed(1)}`);
  }
  said.push(`${at} ${cookie.slice(0, 9)}: ${all.join(' · ')}`);
  expect(best).toBeLessThan(belowMs);
  return best;
}

describe('two regions, 80 ms apart', () => {
  it('serve a user at home by the Redis there, and one who travels by one long round trip a request', async () => {
    await logIn('us', 'bob'); // whoever is at home has called each script before
    const [ada, bob] = [await logIn('eu', 'ada'), await logIn('eu', 'bob')];
    expect([ada, bob].map((cookie) => cookie.split('=')[0])).toEqual(['__Host-eu', '__Host-us']);
    expect(await sides.us.server.client().keys(`lk:{${userRefOf('ada')}}*`)).toEqual([]);
    for (const [cookie, home, away] of [
      [ada, 'eu', 'us'],
      [bob, 'us', 'eu'],
    ] as const) {
      await fastest(home, cookie, { status: 200, belowMs: ROUND_TRIP_MS });
      const travelling = await fastest(away, cookie, { status: 200, belowMs: 2 * ROUND_TRIP_MS });
      expect(travelling).toBeGreaterThanOrEqual(ROUND_TRIP_MS - EARLY_MS);
    }
    // A cookie that names another home leads where nobody knows the token.
    expect((await ask('eu', ada.replace('__Host-eu', '__Host-us'))).status).toBe(401);
  });

  it('hold a block that is issued in the other region before it resolves, streams and all', async () => {
    const [home, eve] = [sides.eu.app.get(UserStateService), await logIn('us', 'eve')];
    const before = await StreamClient.open(sides.eu.url, { cookie: await logIn('eu', 'ada') });
    await home.block('ada', { reason: 'before' });
    await before.ended();
    const block = () => ask('us', eve, 'users/ada/block', 'POST');
    const quiet = [await block(), await block(), await block()].map(({ ms }) => ms.toFixed(0));
    await home.unblock('ada');
    const ada = await logIn('us', 'ada');
    const stream = await StreamClient.open(sides.us.url, { cookie: ada });
    await stream.event('hello');
    const answers: Answer[] = [];
    let isOver = false;
    const floods = (['eu', 'us'] as const).map(async (at) => {
      while (!isOver) answers.push(await ask(at, ada));
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const blocked = await block();
    const resolvedAt = performance.now();
    await Promise.all((['eu', 'us'] as const).map((at) => ask(at, ada).then((one) => answers.push(one))));
    isOver = true;
    await Promise.all(floods);
    said.push(
      `a block from us of a user homed in eu: ${blocked.ms.toFixed(0)} ms under load, ${quiet.join(' ')} else`,
    );

    expect(blocked.status).toBe(201);
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    const late = answers.filter(({ at }) => at > resolvedAt);
    expect(late.length).toBeGreaterThanOrEqual(2);
    // Nothing but 503, of a busy machine, may stand among the denials.
    expect(late.filter(({ status }) => status !== 403 && status !== 503)).toEqual([]);
    expect(late.some(({ status }) => status === 403)).toBe(true);
    expect(await stream.ended()).toBeLessThan(resolvedAt + BUSY_MS);
  });

  it('refuse, while the line is cut, only those who are homed beyond it', async () => {
    await sides.eu.app.get(UserStateService).unblock('ada');
    const [ada, bob, eve] = [await logIn('eu', 'ada'), await logIn('us', 'bob'), await logIn('us', 'eve')];
    for (const { line } of both()) line.blackhole();
    try {
      for (const [cookie, away] of [
        [ada, 'us'],
        [bob, 'eu'],
      ] as const)
        await fastest(away, cookie, { status: 503, belowMs: ANSWERED_MS });
      await fastest('eu', ada, { status: 200, belowMs: ROUND_TRIP_MS });
      await fastest('us', bob, { status: 200, belowMs: ROUND_TRIP_MS });
      // An act on somebody beyond it is refused, and not in force.
      expect((await ask('us', eve, 'users/ada/block', 'POST')).status).toBe(503);
      expect((await ask('eu', ada)).status).toBe(200);
    } finally {
      const healedAt = performance.now();
      for (const { line } of both()) await line.heal();
      let back: Answer;
      do back = await ask('us', ada);
      while (back.status === 503 && performance.now() - healedAt < 10_000);
      said.push(`served again ${(performance.now() - healedAt).toFixed(0)} ms after the line was back`);
      expect(back.status).toBe(200);
    }
  });
});

describe('why no copy in the region answers instead', () => {
  const hashOf = (userId: string) => `lk:{${userRefOf(userId)}}:user`;

  it('a replica there does not know of a block that has been acknowledged', async () => {
    const users = sides.eu.app.get(UserStateService);
    await users.ensure('cyd');
    const copy = replica.client();
    const until = async (isThere: number): Promise<void> => {
      while ((await copy.hexists(hashOf('cyd'), isThere ? 'b' : 'u')) === 0)
        await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await until(0);
    await users.block('cyd', { reason: 'spam' });
    const resolvedAt = performance.now();
    expect(await copy.hexists(hashOf('cyd'), 'b')).toBe(0);
    await until(1);
    said.push(`the replica had the block ${(performance.now() - resolvedAt).toFixed(0)} ms later`);
  });

  it('two copies that take writes and merge them, the later one wins, let an ended session in again', async () => {
    const [users, sessions] = [sides.eu.app.get(UserStateService), sides.eu.app.get(SessionService)];
    const [eu, us] = [sides.eu.server.client(), sides.us.server.client()];
    await users.ensure('dan');
    const { token } = await sessions.create('dan');
    await us.restore(hashOf('dan'), 0, await eu.dumpBuffer(hashOf('dan')));
    // At the same time: a logout everywhere in one region, a change of roles in the other.
    await sessions.revokeAll('dan');
    await expect(sessions.authenticate(token)).rejects.toMatchObject({ code: 'session_revoked' });
    await sides.us.app.get(UserStateService).setRoles('dan', ['editor']);
    await eu.hset(hashOf('dan'), 'u', (await us.hgetBuffer(hashOf('dan'), 'u'))!);
    expect(await sessions.authenticate(token)).toMatchObject({ session: { userId: 'dan' } });
  });
});
