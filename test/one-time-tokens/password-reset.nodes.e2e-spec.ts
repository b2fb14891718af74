import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
  const login = (node: number, who: { readonly username: string; readonly password: string }) =>
    call(node, '/auth/login', { ...who, transport: 'bearer' });

  /** As a client does it that comes again after a 503: on a machine with other work, Redis may seem away for a moment. */
  async function confirm(node: number, body: object) {
    for (let attempt = 0; ; attempt++) {
      const reply = await call(node, '/auth/password-reset/confirm', body);
      if (reply.status !== 503 || attempt === 20) return reply;
      await sleep(100);
    }
  }

  it(`take one of ${AT_ONCE} uses of a message, and leave no session and no other password`, async () => {
    for (let round = 0; ; round++) {
      const [username, password] = [`resetter-${round}`, 'the old password'];
      expect((await call(round, '/auth/register', { username, password })).status).toBe(201);
      const sessions: string[] = [];
      for (let i = 0; i < 4; i++)
        sessions.push((await login(i, { username, password })).body['token'] as string);
      const token = await resetTokenFor(urlOf(0), username);
      const replies = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, i) => confirm(i, { token, newPassword: `new password ${i}` })),
      );
      const statuses = replies.map(({ status }) => status);
      const ends = replies.map(({ status, body }) => (status === 204 ? 'done' : String(body['code'])));
      const refused = ends.filter((end) => end === 'token_invalid');
      for (const [i, session] of sessions.entries()) {
        expect((await call(i, '/auth/me', undefined, session)).body['code']).toBe('session_revoked');
      }
      // The one that used it up may have been told 503, in which case nobody is told that it is done.
      if (refused.length === AT_ONCE && round < 5) continue;
      expect(ends.toSorted()).toEqual([
        'done',
        ...Array.from({ length: AT_ONCE - 1 }, () => 'token_invalid'),
      ]);
      expect((await login(0, { username, password })).status).toBe(401);
      const winner = `new password ${statuses.indexOf(204)}`;
      expect((await login(1, { username, password: winner })).status).toBe(200);
      return;
    }
  }, 120_000);

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
