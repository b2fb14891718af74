import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';

const CHANGES = 100;
const CLIENTS = 8;
const REQUESTS_AFTER_CHANGE = 2;
const KEEPER = '198.51.100.7';
const GUEST = '203.0.113.9';
const PATH = '/admin/ip-allowlists/admin';

let server: RedisServer;
let nodes: AppProcess[];

beforeAll(async () => {
  server = await RedisServer.start();
  const env = { REDIS_URL: server.url, TRUST_PROXY: '1', SESSION_QUOTA: '100000' };
  nodes = await Promise.all([0, 1].map(() => AppProcess.start({ env })));
}, 60_000);
afterAll(async () => {
  expect(await Promise.all(nodes.map((node) => node.stop()))).toEqual([0, 0]);
  await server.stop();
});

async function call(
  node: number,
  route: string,
  { ip, token, body }: { readonly ip: string; readonly token?: string; readonly body?: unknown },
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const [method, path] = route.split(' ') as [string, string];
  const response = await fetch(`${(nodes[node % 2] as AppProcess).url}${path}`, {
    method,
    headers: {
      'x-forwarded-for': ip,
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('100 changes of the list that guards /admin, on two nodes under a storm of requests', () => {
  it('let no request be decided by the list from before that was sent after the PUT was answered', async () => {
    const credentials = { username: 'root', password: 'correct-horse-root', transport: 'bearer' };
    const login = await call(0, 'POST /auth/login', { ip: KEEPER, body: credentials });
    const token = login.body['token'] as string;
    const late: string[] = [];
    const before = { 200: 0, 403: 0 };
    let sentAfter = 0;

    for (let change = 0; change < CHANGES; change++) {
      const letsIn = change % 2 === 1;
      let answeredAt = Infinity;
      const clients = Array.from({ length: CLIENTS }, async (_, client) => {
        for (let left = REQUESTS_AFTER_CHANGE, i = 0; left > 0; i++) {
          const sentAt = performance.now();
          const { status } = await call(client + i, `GET ${PATH}`, { ip: GUEST, token });
          if (status !== 200 && status !== 403) continue; // a busy machine: nothing was decided
          if (sentAt <= answeredAt) {
            before[status]++;
            continue;
          }
          left--;
          sentAfter++;
          if (status !== (letsIn ? 200 : 403)) late.push(`${change}: ${status}`);
        }
      });
      await sleep(5 + (change % 5) * 3);
      const cidrs = letsIn ? [KEEPER, GUEST] : [KEEPER];
      const put = () => call(change, `PUT ${PATH}`, { ip: KEEPER, token, body: { cidrs } });
      try {
        let answer = await put();
        for (let again = 0; answer.status === 503 && again < 5; again++) answer = await put();
        expect(answer).toMatchObject({ status: 200, body: { name: 'admin', cidrs } });
      } finally {
        answeredAt = performance.now();
        await Promise.all(clients);
      }
    }
    expect(late).toEqual([]);
    expect(sentAfter).toBe(CHANGES * CLIENTS * REQUESTS_AFTER_CHANGE);
    expect(before[200]).toBeGreaterThan(100); // both were there before
    expect(before[403]).toBeGreaterThan(100);
  }, 120_000);
});
