import type { Response } from 'supertest';
import type { Client } from './support/client.js';
import { startSamples, stopSamples, TABLE } from './support/problem-table.js';
import { Sample } from './support/sample.js';

const CASES = Object.entries(TABLE).flatMap(([code, { how, ...row }]) =>
  Object.entries(how).map(([what, produce]) => ({ code, ...row, what, produce })),
);

describe('what the sample answers', () => {
  beforeAll(startSamples);
  afterAll(stopSamples);

  it.each(CASES)('$status $code: $what', async ({ code, status, extra, produce }) => {
    const { body, headers, ...reply } = await produce();
    expect({ status: reply.status, code: body.code }).toEqual({ status, code });
    expect(headers['content-type']).toBe('application/problem+json');
    expect(headers['cache-control']).toBe('no-store');

    const members = ['type', 'title', 'status', 'detail', 'code', ...(extra ? [extra] : [])];
    expect(Object.keys(body).sort()).toEqual(members.sort());
    expect(body).toMatchObject({ title: expect.any(String), detail: expect.any(String), status });
    expect(body.type).toMatch(
      code === 'rate_limited' ? /#quota-exceeded$/ : new RegExp(`^urn:problem-type:latchkey:${code}$`),
    );
    expect(JSON.stringify(body)).not.toMatch(/\.(ts|js)\b|node_modules|stack|redis|ECONN|secret/i);
    if (extra === 'errors') {
      for (const error of body.errors) expect(Object.keys(error).sort()).toEqual(['field', 'message']);
    }
    if (extra === 'block') {
      const { reason, until, ...others } = body.block;
      expect({ reason, others }).toEqual({ reason: 'Spam', others: {} });
      if (until !== undefined) expect(new Date(until).toISOString()).toBe(until);
    }

    expect(headers['www-authenticate'] ?? 'none').toMatch(
      status === 401 ? /^Bearer realm="session"/ : /^none$/,
    );
    expect(headers['retry-after'] ?? 'none').toMatch(
      status === 429 || status === 503 ? /^[1-9]\d*$/ : /^none$/,
    );
    if (code === 'rate_limited') {
      expect(headers['ratelimit']).toMatch(/;r=0;t=\d+/);
      expect(headers['ratelimit-policy']).toMatch(/;q=\d+;w=\d+/);
      const waits = [...String(headers['ratelimit']).matchAll(/;r=0;t=(\d+)/g)].map((match) =>
        Number(match[1]),
      );
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(Math.max(...waits));
    }
  });
});

/** Whatever a route with a quota answers to a live session. */
const COUNTED: Readonly<Record<string, (mia: Client) => PromiseLike<Response>>> = {
  200: (mia) => mia.get('/posts'),
  201: (mia) => mia.post('/posts', { text: 'x' }),
  204: (mia) => mia.post('/auth/logout'),
  400: (mia) => mia.get('/posts?limit=0'),
  403: (mia) => mia.put(`/admin/users/${mia.userId}/roles`, { roles: ['admin'] }),
  404: (mia) => mia.post('/posts/999999/like'),
  409: (mia) => mia.post(`/moderation/users/${mia.userId}/block`, { reason: 'x' }),
  413: (mia) => mia.post('/posts', { text: 'x'.repeat(64 * 1024) }),
};

describe('a reply of a route with a quota', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await Sample.start();
  });
  afterAll(() => sample.stop());

  it.each(Object.entries(COUNTED))('says what is left of it: %s', async (status, ask) => {
    const reply = await ask(await sample.as('mia'));
    expect(reply.status).toBe(Number(status));
    expect(reply.headers['ratelimit']).toMatch(/^"(requests|posts)";r=\d+;t=\d+$/);
    expect(reply.headers['ratelimit-policy']).toMatch(/^"(requests|posts)";q=100000;w=60$/);
  });

  it('that asks for a password: a right one, and a wrong one', async () => {
    for (const password of ['correct-horse-alice', 'a wrong password']) {
      const { headers } = await sample
        .anybody()
        .post('/auth/login', { username: 'alice', password, transport: 'bearer' });
      expect(headers['ratelimit']).toMatch(/^"login";r=\d+;t=\d+, "login-ip"/);
      expect(headers['ratelimit-policy']).toMatch(/^"login";q=100000;w=3600, /);
    }
  });
});
