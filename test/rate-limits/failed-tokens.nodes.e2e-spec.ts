import { setTimeout as sleep } from 'node:timers/promises';
import { mintToken, newSessionId, userRefOf } from '../../libs/session/src/token/session-token.js';
import { bearer, SocketClient } from '../live/support/clients.js';
import { startNode, type LiveNode } from '../live/support/live-node.js';
import { RedisServer } from '../support/redis-server.js';

let server: RedisServer;
let nodes: LiveNode[];

beforeEach(async () => {
  server = await RedisServer.start();
  const options = {
    redis: server.url,
    trustProxy: 1,
    failedTokens: { quota: 40, window: '1h' },
    touchInterval: 1,
    commandTimeoutMs: 2_000,
  } as const;
  nodes = await Promise.all([0, 1].map(() => startNode(options)));
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await server.stop();
});

const guess = (sessionId = newSessionId()) => mintToken({ userRef: userRefOf('ada'), sessionId }).token;
const from = (token: string, ip: string) => ({ ...bearer(token), 'x-forwarded-for': ip });

/** `GET /moderation/events` as nobody in particular: a guarded route that ends by itself when it is refused. */
async function ask(node: number, token: string, ip = '192.0.2.1') {
  const response = await fetch(`${nodes[node % 2]!.url}/moderation/events`, { headers: from(token, ip) });
  const body = (await response.json()) as { code: string };
  return {
    status: response.status,
    code: body.code,
    retryAfter: Number(response.headers.get('retry-after')),
  };
}

const times = <T>(count: number, make: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)));

describe('200 guesses at once on two nodes', () => {
  it('are charged to their client IP exactly, and to nothing of the user whose name is in them', async () => {
    const { token, session } = await nodes[0]!.sessions.create('ada');
    const admin = server.client();
    const userKeys = (await admin.keys('lk:{*')).sort();
    const dump = () => Promise.all(userKeys.map((key) => admin.dumpBuffer(key)));
    const before = await dump();
    await sleep(5); // a touch would be due

    const guesses = await times(200, (i) => ask(i, i % 3 === 0 ? guess(session.id) : guess()));
    expect(guesses.filter(({ status, code }) => status === 401 && code === 'session_invalid')).toHaveLength(
      40,
    );
    const over = guesses.filter(({ status, code }) => status === 429 && code === 'rate_limited');
    expect(over).toHaveLength(160);
    for (const { retryAfter } of over) {
      expect(retryAfter).toBeGreaterThan(50); // on a busy machine they take a while
      expect(retryAfter).toBeLessThanOrEqual(90);
    }
    expect((await admin.keys('lk:{*')).sort()).toEqual(userKeys);
    expect(await dump()).toEqual(before);

    // Whoever shares the address goes on: 403, for ada is no moderator.
    const others = await times(50, (i) => (i % 2 === 0 ? ask(i, token) : ask(i, guess())));
    expect(others.map(({ status }) => status)).toEqual(others.map((_, i) => (i % 2 === 0 ? 403 : 429)));
  });

  it('leave one key for each address, IPv6 by /64, that goes by itself', async () => {
    await times(60, (i) => ask(i, guess(), `2001:db8::${i.toString(16)}`));
    await times(20, (i) => ask(i, guess(), `192.0.2.${i % 4}`));
    await times(20, (i) => ask(i, 'lk_nonsense', `198.51.100.${i}`));
    const admin = server.client();
    const keys = (await admin.keys('*')).filter((key) => !key.startsWith('lk:{live}'));
    expect(keys).toHaveLength(5);
    for (const key of keys) {
      expect(key).toMatch(/^lk:quota:\{[\w-]{22}\}$/);
      expect(await admin.pttl(key)).toBeGreaterThan(0);
      expect(await admin.pttl(key)).toBeLessThanOrEqual(3_600_000);
    }
  });
});

describe('the calls that a token costs', () => {
  it('are one if it is right, two if nobody has it, none if it cannot be one', async () => {
    const { token } = await nodes[0]!.sessions.create('ada');
    for (const one of [token, guess()]) await ask(0, one); // Redis knows the scripts from here on
    const watcher = server.client();
    await watcher.ping(); // its own connection is made by then
    const monitor = await watcher.monitor();
    const sent: string[] = [];
    monitor.on('monitor', (_time: string, [command]: string[], source: string) => {
      if (source !== 'lua') sent.push(String(command).toUpperCase());
    });
    const callsOf = async (one: string): Promise<string[]> => {
      await sleep(50);
      sent.length = 0;
      await ask(0, one);
      await sleep(50);
      return [...sent];
    };
    expect(await callsOf(token)).toEqual(['EVALSHA']);
    expect(await callsOf(guess())).toEqual(['EVALSHA', 'EVALSHA']);
    expect(await callsOf(`${token}x`)).toEqual([]);
    monitor.disconnect();
  });
});

describe('handshakes of WebSockets', () => {
  it('are charged like requests, and right tokens pass', async () => {
    const { token } = await nodes[0]!.sessions.create('ada');
    const knock = (i: number) => SocketClient.refusal(nodes[i % 2]!.url, from(guess(), '192.0.2.1'));
    const refusals = await times(60, knock);
    expect(refusals.filter(({ status }) => status === 401)).toHaveLength(40);
    const over = refusals.filter(({ status }) => status === 429);
    expect(over).toHaveLength(20);
    expect(over[0]?.body).toMatchObject({ code: 'rate_limited' });
    expect(Number(over[0]?.headers['retry-after'])).toBeGreaterThan(80);
    const socket = await SocketClient.open(nodes[1]!.url, from(token, '192.0.2.1'));
    socket.close();
    expect(await ask(0, guess())).toMatchObject({ status: 429 });
  });
});
