import { SessionService, UserStateService } from '@latchkey/session';
import { FakeClock } from '@latchkey/session/testing';
import { bearer, StreamClient } from '../live/support/clients.js';
import { cookieOf, expectProblem, type Client } from '../sample/support/client.js';
import { describeSample, PASSWORD, Sample } from '../sample/support/sample.js';
import { hold } from '../sample/support/gate.js';
import { messagesOf } from '../sample/support/outbox.js';
import { RedisServer } from '../support/redis-server.js';
import { UsersService } from '../../src/users/users.service.js';

const suite: Parameters<typeof describeSample>[1] = (sample, storage) => {
  it('GET /auth/me/export tells everything that is kept about me, and nothing about others', async () => {
    const [ada, eve] = [await sample().newcomer(['user']), await sample().newcomer()];
    const { body: own } = await ada.post('/posts', { text: 'mine' }).expect(201);
    const { body: other } = await eve.post('/posts', { text: "eve's" }).expect(201);
    await ada.post(`/posts/${other.post.id}/like`).expect(200);
    await ada.patch('/sessions/current/data', { theme: 'dark' }).expect(200);
    await ada.post('/auth/email-proof', { email: 'ada@example.org' }).expect(202);
    const phone = await ada.copy().login(ada.username, PASSWORD, { deviceName: 'phone' });
    await phone.post('/auth/logout').expect(204);
    await ada.post('/auth/reauthenticate', { password: 'wrong' }).expect(401);

    const { body, headers } = await ada.get('/auth/me/export').expect(200);
    expect(headers['cache-control']).toBe('no-store');
    // It reads the whole audit log, and everything that the person wrote.
    expect(headers['ratelimit-policy']).toContain('"personal-data";q=10;w=3600');
    expect(body.account).toMatchObject({ id: ada.userId, username: ada.username, roles: ['user'] });
    expect(body.posts.map(({ id }: { id: string }) => id)).toEqual([own.post.id]);
    expect(body.likes).toEqual([other.post.id]);
    const [ended, current] = body.sessions;
    expect(ended).toMatchObject({ status: 'revoked', current: false, device: { name: 'phone' } });
    expect(current).toMatchObject({ status: 'live', current: true, data: { theme: 'dark' } });
    expect(body.oneTimeTokens).toMatchObject([{ purpose: 'email-proof' }]);
    expect(body.quotas.map(({ name }: { name: string }) => name)).toContain('posts');
    expect(body.cut).toEqual([]);
    const events = body.events as { action: string; byMe: boolean; ip?: string; outcome: string }[];
    expect(events).toContainEqual(expect.objectContaining({ action: 'login', byMe: true, ip: '127.0.0.1' }));
    expect(events).toContainEqual(expect.objectContaining({ action: 'reauthenticate', outcome: 'denied' }));
    // Who set the roles, and from where, is that admin's own.
    const roles = events.find(({ action }) => action === 'user.roles');
    expect(roles).toMatchObject({ byMe: false });
    expect(roles).not.toHaveProperty('ip');
    const text = JSON.stringify(body);
    expect(text).not.toMatch(/lk[a-z]?_[\w-]{20}|argon2|"actorId"/);
    for (const secret of [eve.userId, eve.username, "eve's", ada.token as string])
      expect(text).not.toContain(secret);
  });

  it('DELETE /auth/me erases me: account, posts, likes, sessions, streams', async () => {
    const [ada, eve] = [await sample().newcomer(), await sample().newcomer()];
    const { body: before } = await eve.post('/posts', { text: 'before' });
    const { body: own } = await ada.post('/posts', { text: 'mine' });
    await eve.post(`/posts/${own.post.id}/like`).expect(200);
    await ada.post(`/posts/${before.post.id}/like`).expect(200);
    const email = `${ada.username}@example.org`;
    await ada.post('/auth/email-proof', { email }).expect(202);
    const mail = (await messagesOf(sample().url)).find(({ to }) => to === email);
    const browser = await ada.copy().login(ada.username, PASSWORD, { transport: 'cookie' });
    const stream = await StreamClient.open(sample().url, bearer(ada.token));
    await stream.event('hello');

    const erased = await browser.delete('/auth/me').expect(204);
    expect(erased.text).toBe('');
    expect(cookieOf(erased)).toBe('');
    expect(erased.headers['clear-site-data']).toContain('"storage"');
    await stream.ended(2_000);
    expect([await ada.denial(), await browser.denial()]).toEqual(['session_invalid', 'session_invalid']);
    expectProblem(
      await sample().anybody().post('/auth/login', { username: ada.username, password: PASSWORD }),
      401,
      'bad_credentials',
    );
    const { body } = await eve.get('/posts');
    const posts = body.posts as { id: string; text: string; likes: number }[];
    expect(posts.find(({ id }) => id === own.post.id)).toBeUndefined();
    expect(posts.find(({ id }) => id === before.post.id)).toMatchObject({ likes: 0 });
    expectProblem(await eve.post(`/posts/${own.post.id}/like`), 404, 'not_found');
    const { body: next } = await eve.post('/posts', { text: 'after' });
    expect(Number(next.post.id)).toBeGreaterThan(Number(own.post.id)); // no post gets the likes of another
    expectProblem(await eve.post('/auth/email-proof/confirm', { token: mail?.token }), 401, 'token_invalid');

    const root = await sample().as('root');
    const { body: users } = await root.get('/moderation/users?limit=100');
    expect(JSON.stringify(users)).not.toContain(ada.userId);
    expectProblem(await root.put(`/admin/users/${ada.userId}/roles`, { roles: ['user'] }), 404, 'not_found');
    expect(await sample().app.get(UserStateService).get(ada.userId)).toBeUndefined();
    const { body: audit } = await root.get(`/moderation/audit?userId=${ada.userId}`);
    const erasure = { action: 'account.erase', outcome: 'ok', actor: { id: ada.userId } };
    expect(audit.events).toContainEqual(expect.objectContaining(erasure));
    // The name is free.
    const again = await sample()
      .anybody()
      .post('/auth/register', { username: ada.username, password: PASSWORD });
    expect([again.status, again.body.user.id === ada.userId]).toEqual([201, false]);
  });

  it('demo accounts stay, and so does the last admin', async () => {
    for (const name of ['alice', 'root']) {
      const demo = await sample().as(name);
      expectProblem(await demo.delete('/auth/me'), 409, 'conflict');
      expect(await demo.denial()).toBeUndefined();
    }
    const admin = await sample().newcomer(['admin']);
    await admin.delete('/auth/me').expect(204); // root is left
  });

  it('a login that is under way fails, and leaves nobody behind', async () => {
    const ada = await sample().newcomer();
    const sessions = sample().app.get(SessionService);
    // The password was right; the session is about to be made.
    const gate = hold(sessions, 'create', 'before');
    const login = sample()
      .anybody()
      .post('/auth/login', { username: ada.username, password: PASSWORD })
      .then((reply) => reply);
    await gate.reached;
    await ada.delete('/auth/me').expect(204);
    gate.open();
    expectProblem(await login, 401, 'bad_credentials');
    expect(await sample().app.get(UserStateService).export(ada.userId)).toMatchObject({ sessions: [] });
    expect(await sample().app.get(UserStateService).get(ada.userId)).toBeUndefined();
  });

  it('a post that is under way fails', async () => {
    const ada = await sample().newcomer();
    const gate = hold(sample().app.get(UsersService), 'require', 'after');
    const post = ada.post('/posts', { text: 'late' }).then((reply) => reply);
    await gate.reached;
    await ada.delete('/auth/me').expect(204);
    gate.open();
    expectProblem(await post, 404, 'not_found');
    const eve = await sample().newcomer();
    expect(JSON.stringify((await eve.get('/posts')).body)).not.toContain(ada.userId);
  });

  it(`after a failure in the middle (${storage}), asking again finishes it`, async () => {
    const ada = await sample().newcomer();
    const users = sample().app.get(UserStateService);
    const erase = jest.spyOn(users, 'erase').mockRejectedValueOnce(new Error('The process dies here'));
    expect((await ada.delete('/auth/me')).status).toBe(500);
    expectProblem(await ada.post('/posts', { text: 'zombie' }), 404, 'not_found');
    await ada.delete('/auth/me').expect(204);
    expect(await ada.denial()).toBe('session_invalid');
    erase.mockRestore();
  });
};
describeSample('the rights of a person', suite, { env: { POST_QUOTA: '30' } });

describe('on two nodes', () => {
  let redis: RedisServer;
  let nodes: readonly [Sample, Sample];

  beforeAll(async () => {
    redis = await RedisServer.start();
    const env = { REDIS_URL: redis.url };
    nodes = await Promise.all([Sample.start({ env }), Sample.start({ env })]);
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis.stop();
  });
  const on = (node: Sample, client: Client): Client =>
    Object.assign(node.anybody(), client, { url: node.url });

  it('an erasure ends what the other node holds, and leaves no key of the person', async () => {
    const ada = await nodes[0].newcomer();
    await ada.post('/posts', { text: 'mine' });
    await ada.patch('/sessions/current/data', { a: 1 });
    const stream = await StreamClient.open(nodes[1].url, bearer(ada.token));
    await stream.event('hello');
    await ada.delete('/auth/me').expect(204);
    expect(await on(nodes[1], ada).denial()).toBe('session_invalid');
    await stream.ended(2_000);
    const client = redis.client();
    const left: string[] = [];
    for (const key of await client.keys('*')) {
      const type = await client.type(key);
      const content =
        type === 'hash'
          ? await client.hgetall(key)
          : type === 'zset'
            ? await client.zrange(key, '0', '-1')
            : type === 'set'
              ? await client.smembers(key)
              : '';
      if (JSON.stringify([key, content]).includes(ada.userId)) left.push(key);
    }
    // That they are leaving, so that nothing under way brings them back.
    expect(left.sort()).toEqual(['app:admin-withdrawals', `app:{posts}:erased:${ada.userId}`].sort());
  });

  it('an admin always remains, however many leave at once', async () => {
    const root = await nodes[0].as('root');
    for (let round = 0; round < 5; round++) {
      const admins = await Promise.all([0, 1, 2].map((i) => nodes[i % 2]!.newcomer(['admin'], root)));
      // From here on they are the only ones.
      await nodes[0].app.get(UserStateService).setRoles(root.userId, ['user']);
      const replies = await Promise.all(
        admins.map((admin, i) =>
          on(nodes[(i + round) % 2]!, admin)
            .delete('/auth/me')
            .then(({ status }) => status),
        ),
      );
      expect(replies.filter((status) => status === 409).length).toBeGreaterThanOrEqual(1);
      expect(replies.filter((status) => status === 204).length).toBe(2);
      await nodes[0].app.get(UserStateService).setRoles(root.userId, ['admin']);
      await nodes[0].app.get(UserStateService).setRoles(admins[replies.indexOf(409)]!.userId, ['user']);
    }
  });
});

it('both want a session, and a fresh login', async () => {
  const clock = new FakeClock();
  const sample = await Sample.start({ session: { clock } });
  try {
    const ada = await sample.newcomer();
    const calls = [
      (client: Client) => client.get('/auth/me/export'),
      (client: Client) => client.delete('/auth/me'),
    ];
    for (const call of calls) expectProblem(await call(sample.anybody()), 401, 'session_missing');
    clock.advance(11 * 60_000);
    for (const call of calls) expectProblem(await call(ada), 401, 'reauthentication_required');
    ada.keep(await ada.post('/auth/reauthenticate', { password: PASSWORD }).expect(200));
    for (const call of calls) expect((await call(ada)).status).toBeLessThan(300);
  } finally {
    await sample.stop();
  }
});
