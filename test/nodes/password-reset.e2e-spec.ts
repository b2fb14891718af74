import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resetTokenFor } from '../sample/support/outbox.js';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';

const AT_ONCE = 100;

describe('password resets on two nodes', () => {
  let dir: string;
  let server: RedisServer;
  let nodes: AppProcess[];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'latchkey-reset-'));
    server = await RedisServer.start({ args: ['--dir', dir, '--rdbcompression', 'no'] });
    const env = { REDIS_URL: server.url, LOGIN_QUOTA: '100000', SESSION_QUOTA: '100000' };
    nodes = await Promise.all([0, 1].map(() => AppProcess.start({ env })));
  }, 300_000);
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await server.stop();
    rmSync(dir, { recursive: true });
  });

  const urlOf = (node: number): string => (nodes[node % 2] as AppProcess).url;
  async function call(node: number, path: string, body?: object, token?: string) {
    const response = await fetch(`${urlOf(node)}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text ? (JSON.parse(text) as Record<string, unknown>) : {} };
  }
  const login = (node: number, password: string) =>
    call(node, '/auth/login', { username: 'alice', password, transport: 'bearer' });

  it(`take one of ${AT_ONCE} uses of a message, and leave no session and no other password`, async () => {
    const sessions: string[] = [];
    for (let i = 0; i < 4; i++)
      sessions.push((await login(i, 'correct-horse-alice')).body['token'] as string);
    const token = await resetTokenFor(urlOf(0), 'alice');
    const replies = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) =>
        call(i, '/auth/password-reset/confirm', { token, newPassword: `new password ${i}` }),
      ),
    );
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    const refused = replies.filter(({ status }) => status !== 204);
    expect(refused.map(({ status, body }) => `${status} ${String(body['code'])}`)).toEqual(
      refused.map(() => '401 token_invalid'),
    );
    for (const [i, session] of sessions.entries()) {
      expect((await call(i, '/auth/me', undefined, session)).body['code']).toBe('session_revoked');
    }
    expect((await login(0, 'correct-horse-alice')).status).toBe(401);
    expect((await login(1, `new password ${statuses.indexOf(204)}`)).status).toBe(200);
  }, 60_000);

  it('leave no token on the disk of Redis, nor in the output of the nodes', async () => {
    const tokens = [await resetTokenFor(urlOf(0), 'bob'), await resetTokenFor(urlOf(1), 'mia')];
    await call(1, '/auth/password-reset/confirm', { token: tokens[0], newPassword: 'short' });
    await server.client().save();
    const dump = readFileSync(join(dir, 'dump.rdb'));
    expect(dump.includes('password-reset')).toBe(true); // it is the right file, and readable
    for (const token of tokens) {
      const secret = token.slice(-43);
      for (const form of [token, secret, secret.slice(0, 20), Buffer.from(secret, 'base64url')]) {
        expect(dump.includes(form)).toBe(false);
      }
      for (const node of nodes) expect(node.output).not.toContain(secret.slice(0, 20));
    }
  });

  it('are in the outbox of the node that was asked, and in no other', async () => {
    const token = await resetTokenFor(urlOf(0), 'root');
    expect(JSON.stringify((await call(1, '/dev/outbox')).body)).not.toContain(token);
    const reply = await call(1, '/auth/password-reset/confirm', {
      token,
      newPassword: 'a new root password',
    });
    expect(reply.status).toBe(204);
  });
});
