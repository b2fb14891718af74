import { SessionService } from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';
import { controllers } from './support/transport-controllers.js';

describe.each(PLATFORMS)('transports on $name', (platform) => {
  let running: RunningApp;
  let host: string;

  beforeAll(async () => {
    running = await startApp({ platform, controllers, session: { guard: 'global' } });
    host = new URL(await running.app.getUrl()).host;
  });
  afterAll(stopApps);

  /** The response's cookies; the session cookie's value apart. */
  function cookiesOf({ headers }: { headers: Record<string, unknown> }) {
    const lines = [headers['set-cookie'] ?? []].flat() as string[];
    const ours = lines.filter((line) => line.startsWith('__Host-session='));
    return { lines, ours, token: /^__Host-session=([^;]*)/.exec(ours.at(-1) ?? '')?.[1] ?? '' };
  }

  describe('the cookie', () => {
    it('is handed out at login with every attribute, for as long as the session may live', async () => {
      const reply = await running.http
        .post('/auth/login')
        .send({ userId: 'alice' })
        .set('User-Agent', 'curl/8.1');
      const { lines, ours, token } = cookiesOf(reply);
      expect(ours).toEqual([
        `__Host-session=${token}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=86400`,
      ]);
      expect(lines).toContain('theme=dark');
      expect(reply.headers['cache-control']).toBe('no-store');
      expect(reply.text).not.toContain(token);
      expect(reply.body.session.device).toEqual({
        name: 'my laptop',
        userAgent: 'curl/8.1',
        ip: '127.0.0.1',
      });
      expect(
        (await running.http.get('/things').set('Cookie', `theme=dark; __Host-session=${token}`)).status,
      ).toBe(200);
    });

    it('is in a reply once, though the token was replaced in the same request', async () => {
      const reply = await running.http.post('/auth/login').send({ userId: 'alice', twice: true });
      const { lines, ours, token } = cookiesOf(reply);
      expect(ours).toHaveLength(1);
      expect(lines).toContain('theme=dark');
      expect((await running.http.get('/things').set('Cookie', `__Host-session=${token}`)).status).toBe(200);
    });

    it('is taken back at logout, and not sent again by other requests', async () => {
      const { cookie } = await loginAs(running.app, { userId: 'alice' });
      expect(cookiesOf(await running.http.get('/things').set('Cookie', cookie)).lines).toEqual([]);
      const reply = await running.http.post('/auth/logout').set('Cookie', cookie);
      expect(cookiesOf(reply).ours).toEqual([
        '__Host-session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0',
      ]);
      expect((await running.http.get('/things').set('Cookie', cookie)).body.code).toBe('session_revoked');
    });

    it('is set after a redirect from an identity provider, which is a GET from another site', async () => {
      const reply = await running.http.get('/auth/callback').set('Sec-Fetch-Site', 'cross-site');
      expect(cookiesOf(reply).token).toMatch(/^lk_/);
    });
  });

  describe('malformed credentials', () => {
    const token = `lk_${'A'.repeat(81)}`;

    it.each<[string, Record<string, string>]>([
      ['an empty bearer token', { authorization: 'Bearer' }],
      ['another kind of token', { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }],
      ['a short one', { authorization: `Bearer ${token.slice(1)}` }],
      ['a long one', { authorization: `Bearer ${token}A` }],
      ['a session ID', { authorization: `Bearer ${'A'.repeat(16)}` }],
      ['another alphabet', { authorization: `Bearer ${token.slice(0, -1)}+` }],
      ['two tokens', { authorization: `Bearer ${token} ${token}` }],
      ['an empty cookie', { cookie: '__Host-session=' }],
      ['a quoted cookie', { cookie: `__Host-session="${token}"` }],
      ['a huge cookie', { cookie: `__Host-session=${'A'.repeat(8_000)}` }],
      ['two cookies of our name', { cookie: `__Host-session=${token}; __Host-session=${token}` }],
    ])('%s is session_invalid, and the repository never hears of it', async (_, headers) => {
      running.calls.length = 0;
      const refused = await running.http.get('/things').set(headers);
      expect(refused.body).toMatchObject({ status: 401, code: 'session_invalid' });
      expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
      expect(running.calls).toEqual([]);
    });

    it('a well-formed token reaches it once, and is charged to its client IP', async () => {
      running.calls.length = 0;
      expect((await running.http.get('/things').set('Authorization', `Bearer ${token}`)).body.code).toBe(
        'session_invalid',
      );
      expect(running.calls).toEqual(['authenticate', 'quota']);
    });

    it.each<[string, Record<string, string>]>([
      ['another scheme', { authorization: 'Basic YTpi' }],
      ['another cookie', { cookie: 'session=abc' }],
      ['a token in the URL', {}],
    ])('%s is no credential of ours', async (_, headers) => {
      const refused = await running.http.get(`/things?token=${token}&access_token=${token}`).set(headers);
      expect(refused.body.code).toBe('session_missing');
    });
  });

  describe('ambiguous credentials', () => {
    it.each(['/things', '/things/optional', '/things/public', '/auth/read'])(
      'are refused on %s',
      async (path) => {
        const { cookie, authorization } = await loginAs(running.app, { userId: 'alice' });
        running.calls.length = 0;
        const refused = await running.http.post(path).set({ cookie, authorization });
        expect(refused.body).toMatchObject({ status: 400, code: 'ambiguous_credentials' });
        expect(running.calls).toEqual([]);
      },
    );
  });

  describe('the cross-origin rule', () => {
    it.each<[string, Record<string, string>, boolean]>([
      ['same-origin', { 'sec-fetch-site': 'same-origin' }, true],
      ['same-site', { 'sec-fetch-site': 'same-site' }, false],
      ['cross-site', { 'sec-fetch-site': 'cross-site' }, false],
      ['none', { 'sec-fetch-site': 'none' }, false],
      [
        'same-origin against its Origin',
        { 'sec-fetch-site': 'same-origin', origin: 'https://else.example' },
        true,
      ],
      ['cross-site with our Origin', { 'sec-fetch-site': 'cross-site', origin: 'OURS' }, false],
      ['our Origin', { origin: 'OURS' }, true],
      ['another Origin', { origin: 'https://else.example' }, false],
      ['our Origin by another scheme', { origin: 'SECURE' }, false],
      ['a null Origin', { origin: 'null' }, false],
      ['neither', {}, true],
    ])('%s, to an unsafe method with our cookie', async (_, sent, isAllowed) => {
      const { cookie, authorization, session } = await loginAs(running.app, { userId: 'alice' });
      const origin = sent['origin']?.replace('OURS', `http://${host}`).replace('SECURE', `https://${host}`);
      const headers = { ...sent, ...(origin === undefined ? {} : { origin }) };

      for (const path of ['/things', '/things/optional', '/things/public', '/auth/read']) {
        const reply = await running.http.post(path).set({ ...headers, cookie });
        if (isAllowed) expect(reply.status).toBe(201);
        else expect(reply.body).toMatchObject({ status: 403, code: 'cross_origin' });
      }
      // Without a cookie of ours, or with a safe method, nothing is forged.
      expect((await running.http.post('/things').set({ ...headers, authorization })).status).toBe(201);
      expect((await running.http.post('/things/public').set(headers)).status).toBe(201);
      expect((await running.http.get('/things').set({ ...headers, cookie })).status).toBe(200);
      expect((await running.app.get(SessionService).list('alice')).map(({ id }) => id)).toContain(session.id);
    });

    it('holds for a login that is about to set a cookie, and before it costs anything', async () => {
      running.calls.length = 0;
      const attempt = (body: object) =>
        running.http
          .post('/auth/login')
          .send({ userId: 'victim', ...body })
          .set('Sec-Fetch-Site', 'same-site');
      expect((await attempt({ assertFirst: true })).body.code).toBe('cross_origin');
      expect(running.calls).toEqual([]);
      const refused = await attempt({});
      expect(refused.body.code).toBe('cross_origin');
      expect(cookiesOf(refused).ours).toEqual([]);
    });
  });
});
