import { PolicyManifest } from '@latchkey/session';
import request from 'supertest';
import { cookieOf, expectProblem } from './support/client.js';
import { resetTokenFor } from './support/outbox.js';
import { describeSample, PASSWORD } from './support/sample.js';

describeSample('replies', (sample) => {
  it('are never kept by a cache, whoever asks, but for public keys', async () => {
    const { app, url } = sample();
    const routes = app
      .get(PolicyManifest)
      .list()
      .filter(({ kind }) => kind === 'http')
      .filter(({ path }) => path !== '/.well-known/jwks.json'); // public keys, made to be kept
    expect(routes.length).toBeGreaterThan(20);
    const root = await sample().as('root');
    const credentials: Record<string, string>[] = [
      {},
      { authorization: 'Bearer nonsense' },
      { authorization: `Bearer ${root.token}` },
    ];
    const calls = routes.flatMap(({ method, path }) =>
      credentials.map((headers) => ({ method, path: path.replace(':id', root.userId), headers })),
    );
    calls.push(
      { method: 'GET', path: '/docs-json', headers: {} },
      { method: 'GET', path: '/nowhere', headers: {} },
      { method: 'GET', path: '/%E0%A4%A', headers: {} },
    );
    const kept: string[] = [];
    const statuses = new Set<number>();
    // Logging out is last, or the rest would be asked by nobody.
    const rank = ({ path }: { path: string }): number => (path === '/auth/logout' ? 1 : 0);
    for (const { method, path, headers } of calls.sort((a, b) => rank(a) - rank(b))) {
      if (method === 'DELETE' && path === '/sessions' && 'authorization' in headers) continue; // would end root's
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { ...headers, 'content-type': 'application/json' },
        ...(method === 'GET' ? {} : { body: '{}' }),
      });
      await response.body?.cancel();
      statuses.add(response.status);
      const cacheControl = response.headers.get('cache-control');
      if (!/^no-store\b/.test(cacheControl ?? ''))
        kept.push(`${method} ${path} ${response.status}: ${cacheControl}`);
    }
    expect(kept).toEqual([]);
    expect([...statuses]).toEqual(expect.arrayContaining([200, 204, 400, 401, 404]));
  });

  it('that carry a token are never kept either', async () => {
    const client = sample().anybody();
    const { username } = await sample().newcomer();
    for (const transport of ['cookie', 'bearer'] as const) {
      const login = await client.post('/auth/login', { username, password: PASSWORD, transport }).expect(200);
      expect(login.headers['cache-control']).toBe('no-store');
    }
    await client.login(username, PASSWORD);
    const again = await client.post('/auth/reauthenticate', { password: PASSWORD }).expect(200);
    expect(again.headers['cache-control']).toBe('no-store');
    client.token = again.body.token;
    const body = { currentPassword: PASSWORD, newPassword: 'another good password' };
    expect((await client.put('/auth/password', body).expect(200)).headers['cache-control']).toBe('no-store');
  });
});

describeSample('a logout', (sample) => {
  const ALL = '"cache", "cookies", "storage"';

  it('has a browser forget what it keeps, also when the session was over', async () => {
    const client = await sample().as('alice', { transport: 'cookie' });
    const logout = await client.post('/auth/logout').expect(204);
    expect(logout.headers['clear-site-data']).toBe(ALL);
    expect(cookieOf(logout)).toBe('');
    const again = await client.post('/auth/logout');
    expectProblem(again, 401, 'session_revoked');
    expect(again.headers['clear-site-data']).toBe(ALL);
  });

  it('of a bearer client leaves the cookies alone, which are of another session', async () => {
    const client = await sample().as('alice');
    const logout = await client.post('/auth/logout').expect(204);
    expect(logout.headers['clear-site-data']).toBe('"cache", "storage"');
    expect(cookieOf(logout)).toBeUndefined();
  });

  it.each([
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
  ])('by a foreign page, whose request comes without the cookie, takes nothing away: %j', async (headers) => {
    const reply = await request(sample().url).post('/auth/logout').set(headers);
    expectProblem(reply, 401, 'session_missing');
    expect(reply.headers['clear-site-data']).toBeUndefined();
    expect(reply.headers['set-cookie']).toBeUndefined();
  });

  it('is the only reply that has a browser forget all, and the end of a session has it forget its pages', async () => {
    const { username } = await sample().newcomer();
    const client = await sample().anybody().login(username, PASSWORD, { transport: 'cookie' });
    const token = await resetTokenFor(sample().url, username);
    const reset = { token, newPassword: 'another good password' };
    const replies = [
      await client.get('/auth/me').expect(200),
      await sample().anybody().post('/auth/password-reset/confirm', reset).expect(204),
      await client.get('/auth/me').expect(401),
    ];
    expect(replies.map(({ headers }) => headers['clear-site-data'])).toEqual([
      undefined,
      undefined,
      '"cache"',
    ]);
  });
});

describeSample('the end of a session', (sample) => {
  it.each(['cookie', 'bearer'] as const)(
    'by a block has a browser drop its pages (%s)',
    async (transport) => {
      const { username, userId } = await sample().newcomer();
      const client = await sample().anybody().login(username, PASSWORD, { transport });
      expect((await client.get('/auth/me').expect(200)).headers['cache-control']).toBe('no-store');
      const mia = await sample().as('mia');
      await mia.post(`/moderation/users/${userId}/block`, { reason: 'Spam' }).expect(200);
      const denied = await client.get('/auth/me');
      expectProblem(denied, 403, 'user_blocked');
      expect(denied.headers['clear-site-data']).toBe(transport === 'cookie' ? '"cache"' : undefined);
    },
  );

  it('that never was takes nothing away', async () => {
    for (const headers of [{}, { cookie: '__Host-session=nonsense' }]) {
      const reply = await request(sample().url).get('/auth/me').set(headers);
      expect(reply.headers['clear-site-data']).toBeUndefined();
    }
  });
});

describeSample('a bearer login of a browser', (sample) => {
  it.each(['live', 'stale'])('ends and takes back the %s cookie that came along', async (kind) => {
    const { username } = await sample().newcomer();
    const browser = await sample().anybody().login(username, PASSWORD, { transport: 'cookie' });
    if (kind === 'stale') await browser.copy().post('/auth/logout').expect(204);
    const login = await browser.post('/auth/login', { username, password: PASSWORD, transport: 'bearer' });
    expect(login.status).toBe(200);
    expect(cookieOf(login)).toBe('');
    expect(await browser.denial()).toBe('session_revoked');
    const bearer = Object.assign(browser.copy(), { transport: 'bearer', token: login.body.token });
    expect(await bearer.denial()).toBeUndefined();
    const plain = await sample()
      .anybody()
      .post('/auth/login', { username, password: PASSWORD, transport: 'bearer' });
    expect(cookieOf(plain)).toBeUndefined();
  });
});
