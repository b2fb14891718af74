import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';

const ACTS_AT_ONCE = 8;
const CLIENTS_PER_ACT = 4;
const REQUESTS_AFTER_ACT = 3;
const PLENTY = { LOGIN_QUOTA: '100000', SESSION_QUOTA: '100000' };

let server: RedisServer;
let nodes: AppProcess[];

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function call(
  node: number,
  route: string,
  options: { token?: string; body?: unknown } = {},
): Promise<Reply> {
  const [method, path] = route.split(' ') as [string, string];
  const response = await fetch(`${(nodes[node % 2] as AppProcess).url}${path}`, {
    method,
    headers: {
      ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
      ...(options.body ? { 'content-type': 'application/json' } : {}),
    },
    ...(options.body ? { body: JSON.stringify(options.body) } : {}),
  });
  const text = await response.text();
  return { status: response.status, body: text ? (JSON.parse(text) as Record<string, unknown>) : {} };
}

/** What only prepares the storm may take a busy machine several attempts. */
async function prepare(attempt: (round: number) => Promise<Reply>, status: number): Promise<Reply> {
  for (let round = 0; ; round++) {
    const reply = await attempt(round);
    if (reply.status === 503 && round < 10) continue;
    expect(reply.status).toBe(status);
    return reply;
  }
}

async function login(username: string, password = `correct-horse-${username}`): Promise<string> {
  const login = { username, password, transport: 'bearer' };
  const { body } = await prepare(() => call(0, 'POST /auth/login', { body: login }), 200);
  return body['token'] as string;
}

/** An act against a user, what the user's clients keep asking meanwhile, and how they are refused from then on. */
interface Kind {
  readonly name: string;
  readonly asked: string;
  readonly refusal: { readonly status: number; readonly code: string };
  readonly isModerator: boolean;
  act(target: { readonly id: string; readonly token: string }, node: number): Promise<Reply>;
}

/** Signed tokens are looked up like opaque ones: fewer acts say so. */
const KINDS_OF_TOKENS: readonly { name: string; acts: number; env: Record<string, string> }[] = [
  { name: 'opaque tokens', acts: 200, env: {} },
  { name: 'JWTs', acts: 60, env: { ACCESS_TOKEN: 'jwt', JWT_ALG: 'ES256' } },
];

describe.each(KINDS_OF_TOKENS)(
  '$acts blocks, demotions and logouts on two nodes under a storm of requests with $name',
  ({ acts, env }) => {
    beforeAll(async () => {
      server = await RedisServer.start();
      nodes = await Promise.all(
        [0, 1].map(() =>
          AppProcess.start({ env: { REDIS_URL: server.url, ...PLENTY, ...env }, readyTimeoutMs: 60_000 }),
        ),
      );
    }, 120_000);

    afterAll(async () => {
      expect(await Promise.all(nodes.map((node) => node.stop()))).toEqual([0, 0]);
      await server.stop();
    });

    it('let no request pass that was sent after the act was answered', async () => {
      const mia = await login('mia');
      const root = await login('root');
      const kinds: Kind[] = [
        {
          name: 'block',
          asked: 'GET /posts',
          refusal: { status: 403, code: 'user_blocked' },
          isModerator: false,
          act: ({ id }, node) =>
            call(node, `POST /moderation/users/${id}/block`, { token: mia, body: { reason: 'spam' } }),
        },
        {
          name: 'demotion',
          asked: 'GET /moderation/users',
          refusal: { status: 403, code: 'forbidden' },
          isModerator: true,
          act: ({ id }, node) =>
            call(node, `PUT /admin/users/${id}/roles`, { token: root, body: { roles: ['user'] } }),
        },
        {
          name: 'logout',
          asked: 'GET /auth/me',
          refusal: { status: 401, code: 'session_revoked' },
          isModerator: false,
          act: ({ token }, node) => call(node, 'POST /auth/logout', { token }),
        },
      ];

      let permitted = 0;
      let sentAfter = 0;
      const late: string[] = [];

      async function round(i: number): Promise<void> {
        const kind = kinds[i % kinds.length] as Kind;
        let username = '';
        const made = await prepare((attempt) => {
          username = `target-${i}-${attempt}`; // a refused registration may have happened
          return call(i, 'POST /auth/register', { body: { username, password: 'a-good-password' } });
        }, 201);
        const { id } = made.body['user'] as { id: string };
        if (kind.isModerator) {
          const path = `PUT /admin/users/${id}/roles`;
          const body = { roles: ['user', 'moderator'] };
          await prepare(() => call(i, path, { token: root, body }), 200);
        }
        const token = await login(username, 'a-good-password');

        let answeredAt = Infinity;
        const clients = Array.from({ length: CLIENTS_PER_ACT }, async (_, client) => {
          let left = REQUESTS_AFTER_ACT;
          for (let request = 0; left > 0; request++) {
            const sentAt = performance.now();
            if (sentAt > answeredAt) left--;
            const { status, body } = await call(client + request, kind.asked, { token });
            if (sentAt > answeredAt && status === 503) {
              left++; // refused, and for another reason: it shows nothing
            } else if (sentAt > answeredAt) {
              sentAfter++;
              if (status !== kind.refusal.status || body['code'] !== kind.refusal.code) {
                late.push(`${kind.name} ${i}: ${status} ${String(body['code'])}`);
              }
            } else if (status === 200) permitted++;
          }
        });
        await sleep(5 + (i % 7) * 4);
        let acted = await kind.act({ id, token }, i + 1);
        // On a machine that is very busy an act may be refused with 503: whoever asked for it asks again.
        for (let again = 0; acted.status === 503 && again < 5; again++)
          acted = await kind.act({ id, token }, i + 1);
        answeredAt = performance.now();
        expect([200, 204]).toContain(acted.status);
        await Promise.all(clients);
      }

      let next = 0;
      await Promise.all(
        Array.from({ length: ACTS_AT_ONCE }, async () => {
          while (next < acts) await round(next++);
        }),
      );
      expect(late).toEqual([]);
      expect(sentAfter).toBe(acts * CLIENTS_PER_ACT * REQUESTS_AFTER_ACT);
      expect(permitted).toBeGreaterThan(acts); // the storm was there, and was let in before
    }, 120_000);
  },
);
