import { PolicyManifest } from '@latchkey/session';
import request from 'supertest';
import { describeSample } from '../sample/support/sample.js';

/** Routes that count by themselves; of all others the manifest knows. */
const OWN: readonly string[] = [
  'POST /auth/login',
  'POST /auth/password-reset',
  'POST /auth/password-reset/confirm',
  'POST /auth/email-proof/confirm',
];
/** Routes without a body have nothing to be wrong about it. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

interface Denial {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const DENIALS: Readonly<Record<string, Denial>> = {
  'no token, no body': {},
  'malformed JSON': { headers: JSON_TYPE, body: '{' },
  'a list': { headers: JSON_TYPE, body: '[]' },
  'an empty object': { headers: JSON_TYPE, body: '{}' },
  'unknown fields': { headers: JSON_TYPE, body: '{"odd":1}' },
  'too large': { headers: JSON_TYPE, body: `"${'x'.repeat(70_000)}"` },
  'another type': { headers: { 'content-type': 'text/plain' }, body: 'x' },
  'a foreign page': {
    headers: { ...JSON_TYPE, 'sec-fetch-site': 'cross-site', cookie: '__Host-session=x' },
    body: '{}',
  },
  'two credentials': {
    headers: { ...JSON_TYPE, authorization: 'Bearer x', cookie: '__Host-session=x' },
    body: '{}',
  },
  'no token of ours': { headers: { ...JSON_TYPE, authorization: 'Bearer lk_nonsense' }, body: '{}' },
};

describeSample('every reply of a route with a quota', (sample) => {
  it.each(Object.entries(DENIALS))(
    'tells of it, also where it leaves early: %s',
    async (_name, { headers, body }) => {
      const routes = sample()
        .app.get(PolicyManifest)
        .list()
        .filter(({ kind }) => kind === 'http')
        .map((route) => ({ ...route, name: `${route.method} ${route.path}` }))
        .filter(({ name, quotas }) => OWN.includes(name) || (quotas ?? []).length > 0);
      expect(routes.length).toBeGreaterThan(25);
      const silent: string[] = [];
      for (const { name, method, path } of routes) {
        const asking = request(sample().url)[method.toLowerCase() as Method](
          path.replace(/:\w+/, 'A'.repeat(16)),
        );
        const reply = await asking.set(headers ?? {}).send(WITH_BODY.has(method) ? body : undefined);
        const said = /^"[\w-]+";r=\d+;t=\d+/.test(reply.headers['ratelimit'] ?? '');
        const policy = /^"[\w-]+";q=\d+;w=\d+/.test(reply.headers['ratelimit-policy'] ?? '');
        if (!said || !policy) silent.push(`${name}: ${reply.status}`);
      }
      expect(silent).toEqual([]);
    },
  );

  it('tells the truth once something was counted, and counts nothing before', async () => {
    const login = (body: object) => sample().anybody().post('/auth/login', body);
    const full = (await login({})).headers['ratelimit'];
    expect(full).toMatch(/^"login";r=100000;t=0, "login-ip";r=\d+;t=0, "login-account";r=\d+;t=0$/);
    const wrong = await login({ username: 'nobody-yet', password: 'wrong' });
    expect(wrong.headers['ratelimit']).toMatch(/^"login";r=99999;/);
    expect((await login({})).headers['ratelimit']).toBe(full);
  });
});
