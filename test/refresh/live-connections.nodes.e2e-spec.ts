import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionEvent } from '@latchkey/session';
import { bearer, SocketClient, StreamClient } from '../live/support/clients.js';
import { startNode, type LiveNode } from '../live/support/live-node.js';
import { RedisServer } from '../support/redis-server.js';

const GRACE_MS = 300;
/** A timer, a check and a busy machine. */
const SOON_MS = 1_500;

let server: RedisServer;
let nodes: LiveNode[];

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
afterEach(() => Promise.all(nodes.map((node) => node.stop())));

async function start(accessTokenTtl: number): Promise<[LiveNode, LiveNode]> {
  const options = {
    redis: server.url,
    commandTimeoutMs: 2_000,
    refresh: { accessTokenTtl, grace: GRACE_MS },
  };
  const pair: [LiveNode, LiveNode] = [await startNode(options), await startNode(options)];
  nodes = pair;
  return pair;
}

/** A stream on one node and a socket on the other. */
async function connect([one, two]: readonly [LiveNode, LiveNode], token: string) {
  const stream = await StreamClient.open(one.url, bearer(token));
  await stream.event('hello');
  return { stream, socket: await SocketClient.open(two.url, bearer(token)) };
}

it('a live connection ends with the access token that opened it, as expired', async () => {
  const pair = await start(800);
  const { token } = await pair[0].sessions.create('ada');
  const openedAt = performance.now();
  const { stream, socket } = await connect(pair, token);
  expect((await stream.event('session-ended')).data).toEqual({ code: 'session_expired' });
  const endedAfter = (await stream.ended()) - openedAt;
  expect(endedAfter).toBeGreaterThan(500);
  expect(endedAfter).toBeLessThan(800 + SOON_MS);
  expect(await socket.ended()).toMatchObject({ code: 4401 });
  expect(await pair[1].sessions.list('ada')).toHaveLength(1);
});

it('and after a refresh within the grace; the new token opens another', async () => {
  const pair = await start(600_000);
  const first = await pair[0].sessions.create('bob');
  const { stream, socket } = await connect(pair, first.token);
  const refreshedAt = performance.now();
  const { token } = await pair[1].sessions.refresh(first.refreshToken);
  const renewed = await connect(pair, token);
  expect((await stream.event('session-ended')).data).toEqual({ code: 'session_expired' });
  expect((await stream.ended()) - refreshedAt).toBeGreaterThan(GRACE_MS * 0.9);
  expect((await stream.ended()) - refreshedAt).toBeLessThan(GRACE_MS + SOON_MS);
  expect((await socket.ended()).at - refreshedAt).toBeLessThan(GRACE_MS + SOON_MS);
  await sleep(GRACE_MS);
  expect([renewed.stream.endedAt, renewed.socket.end]).toEqual([undefined, undefined]);
  renewed.stream.close();
  renewed.socket.close();
});

it('a refresh token that was used before ends them at once on both nodes, and both nodes are told by whom', async () => {
  const pair = await start(600_000);
  const heard: (readonly [node: number, event: SessionEvent])[] = [];
  for (const [i, { events }] of pair.entries()) {
    await events.on('refresh.reused', (event) => heard.push([i, event]));
  }
  const device = { name: 'Phone', userAgent: 'Firefox 150', ip: '192.0.2.7' };
  const thief = { userAgent: 'curl/8.5 "x"', ip: '2001:db8::1' };
  const first = await pair[0].sessions.create('eve', { device });
  const second = await pair[1].sessions.refresh(first.refreshToken, { device });
  const third = await pair[0].sessions.refresh(second.refreshToken, { device });
  const { stream, socket } = await connect(pair, third.token);
  const stolenAt = performance.now();
  await expect(pair[1].sessions.refresh(first.refreshToken, { device: thief })).rejects.toMatchObject({
    code: 'session_revoked',
    reused: { id: first.session.id, device },
  });
  expect((await stream.event('session-ended')).data).toEqual({ code: 'session_revoked' });
  expect((await stream.ended()) - stolenAt).toBeLessThan(SOON_MS);
  const end = await socket.ended();
  expect(end.code).toBe(4401);
  expect(end.at - stolenAt).toBeLessThan(SOON_MS);
  await expect(pair[0].sessions.refresh(third.refreshToken)).rejects.toMatchObject({
    code: 'session_revoked',
  });
  await sleep(100);
  const devices = { session: { userAgent: 'Firefox 150', ip: '192.0.2.7' }, presented: thief };
  const about = { name: 'refresh.reused', userId: 'eve', sessionId: first.session.id, devices };
  expect(heard.map(([node]) => node).sort((a, b) => a - b)).toEqual([0, 1]);
  for (const [, event] of heard) expect(event).toMatchObject(about);
});
