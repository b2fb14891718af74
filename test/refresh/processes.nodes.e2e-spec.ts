import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';
import { buildSample, BUILD_TIMEOUT_MS } from '../sample/support/build.js';
import { StreamClient } from '../live/support/clients.js';

const PLENTY = { LOGIN_QUOTA: '100000', SESSION_QUOTA: '100000' };

let server: RedisServer;
let nodes: AppProcess[];

beforeAll(async () => {
  await buildSample();
  server = await RedisServer.start();
  const env = { REDIS_URL: server.url, REFRESH: 'on', ...PLENTY };
  nodes = await Promise.all([0, 1].map(() => AppProcess.start({ env })));
}, BUILD_TIMEOUT_MS);
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await server.stop();
});

interface Reply {
  readonly status: number;
  readonly body: Record<string, string>;
}

async function post(node: number, path: string, body: object): Promise<Reply> {
  const response = await fetch(`${nodes[node % 2]?.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

/** On a machine that is very busy Redis may take too long for a request; then the client asks again. */
async function refresh(node: number, refreshToken: string | undefined): Promise<Reply> {
  for (let attempt = 0; ; attempt++) {
    const reply = await post(node, '/auth/refresh', { refreshToken });
    if (reply.status !== 503 || attempt === 20) return reply;
  }
}

const login = async (): Promise<Record<string, string>> => {
  const credentials = { username: 'alice', password: 'correct-horse-alice', transport: 'bearer' };
  return (await post(0, '/auth/login', credentials)).body;
};

it('two processes answer 100 refreshes of one token with one pair, round after round', async () => {
  let current = await login();
  for (let round = 0; round < 3; round++) {
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) => refresh(i, current['refreshToken'])),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect(new Set(replies.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    current = (replies[0] as Reply).body;
  }
});

it('a token that comes to the other process a second time ends the session and its streams on both', async () => {
  const first = await login();
  const second = (await refresh(0, first['refreshToken'])).body;
  const third = (await refresh(1, second['refreshToken'])).body;
  const headers = { authorization: `Bearer ${third['token']}` };
  const streams = await Promise.all(nodes.map(({ url }) => StreamClient.open(url, headers)));
  for (const stream of streams) await stream.event('hello');
  expect(await refresh(1, first['refreshToken'])).toMatchObject({
    status: 401,
    body: { code: 'session_revoked' },
  });
  for (const stream of streams) {
    expect((await stream.event('session-ended')).data).toEqual({ code: 'session_revoked' });
  }
  for (const node of [0, 1]) {
    const me = await fetch(`${nodes[node]?.url}/auth/me`, { headers });
    expect(await me.json()).toMatchObject({ code: 'session_revoked' });
    expect((await refresh(node, third['refreshToken'])).body).toMatchObject({ code: 'session_revoked' });
  }
});
