import { randomBytes } from 'node:crypto';
import { RedisServer } from '../support/redis-server.js';
import { type Client, expectProblem } from '../sample/support/client.js';
import { describeSample, newName, PASSWORD, Sample } from '../sample/support/sample.js';

const DATA = '/sessions/current/data';
const LIMIT = 8_192;

describeSample(
  DATA,
  (sample) => {
    const clients = async (): Promise<Client[]> => {
      const bearer = await sample().newcomer();
      const cookie = await sample().anybody().login(bearer.username, PASSWORD, { transport: 'cookie' });
      return [bearer, cookie];
    };

    it('begins empty, takes keys one by one, and gives them back', async () => {
      for (const client of await clients()) {
        const empty = await client.get(DATA).expect(200);
        expect(empty.body).toEqual({ data: {} });
        expect(empty.headers['cache-control']).toBe('no-store');
        const merged = await client
          .patch(DATA, { theme: 'dark', cart: { items: [1, 2], note: null } })
          .expect(200);
        expect(merged.body).toEqual({ data: { theme: 'dark', cart: { items: [1, 2], note: null } } });
        await client.patch(DATA, { cart: { items: [] }, 'ünï code': '\u{1F600}' }).expect(200);
        const third = await client.patch(DATA, { theme: null, unknown: null }).expect(200);
        expect(third.body).toEqual({ data: { cart: { items: [] }, 'ünï code': '\u{1F600}' } });
        expect((await client.patch(DATA, {}).expect(200)).body).toEqual(third.body);
        expect((await client.get(DATA).expect(200)).body).toEqual(third.body);
      }
    });

    it('is of this session alone, and goes with it', async () => {
      const [one, two] = (await clients()) as [Client, Client];
      await one.patch(DATA, { whose: 'one' }).expect(200);
      await two.patch(DATA, { whose: 'two' }).expect(200);
      const stranger = await sample().newcomer();
      expect((await stranger.get(DATA).expect(200)).body).toEqual({ data: {} });
      await one.post('/auth/logout').expect(204);
      expectProblem(await one.get(DATA), 401, 'session_revoked');
      expectProblem(await one.patch(DATA, { whose: 'late' }), 401, 'session_revoked');
      expect((await two.get(DATA).expect(200)).body).toEqual({ data: { whose: 'two' } });
      const again = await sample().anybody().login(one.username, PASSWORD);
      expect((await again.get(DATA).expect(200)).body).toEqual({ data: {} });
    });

    it('survives a new token', async () => {
      const client = await sample().newcomer();
      await client.patch(DATA, { theme: 'dark' }).expect(200);
      client.token = (
        await client.post('/auth/reauthenticate', { password: PASSWORD }).expect(200)
      ).body.token;
      await client.patch(DATA, { more: 1 }).expect(200);
      const change = { currentPassword: PASSWORD, newPassword: 'another long password' };
      client.token = (await client.put('/auth/password', change).expect(200)).body.token;
      expect((await client.get(DATA).expect(200)).body).toEqual({ data: { theme: 'dark', more: 1 } });
    });

    it('has room for 8 KiB and not a byte more', async () => {
      const client = await sample().newcomer();
      const room = LIMIT - '{"a":"","b":""}'.length;
      const full = { a: 'ü'.repeat((room - 1) / 2), b: 'x' };
      await client.patch(DATA, full).expect(200);
      expectProblem(await client.patch(DATA, { b: 'xx' }), 413, 'too_large');
      expectProblem(await client.patch(DATA, { c: 1 }), 413, 'too_large');
      expectProblem(await client.patch(DATA, { a: 'x'.repeat(60_000) }), 413, 'too_large');
      expectProblem(await client.patch(DATA, { a: 'x'.repeat(70_000) }), 413, 'too_large');
      expect((await client.get(DATA).expect(200)).body).toEqual({ data: full });
      await client.patch(DATA, { a: null, c: 1 }).expect(200);
    });

    it.each([
      ['an array', '[1]'],
      ['a text', '"text"'],
      ['null', 'null'],
      ['no JSON', '{'],
      ['a key __proto__', '{"__proto__":{"isAdmin":true}}'],
      ['a key __proto__ further in', '{"a":[{"__proto__":{"isAdmin":true}}]}'],
      ['a number that JSON cannot give back', '{"a":{"b":1e999}}'],
      ['40 levels', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`],
    ])('refuses %s, and changes nothing', async (_name, body) => {
      const client = await sample().newcomer();
      await client.patch(DATA, { kept: true }).expect(200);
      const reply = await client.patch(DATA).set('Content-Type', 'application/json').send(body);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.errors).toEqual(expect.any(Array));
      expect((await client.get(DATA).expect(200)).body).toEqual({ data: { kept: true } });
      expect({}).not.toHaveProperty('isAdmin');
    });

    it('is only for who has a session, and from our own pages', async () => {
      expectProblem(await sample().anybody().get(DATA), 401, 'session_missing');
      expectProblem(await sample().anybody().patch(DATA, { a: 1 }), 401, 'session_missing');
      const [bearer, cookie] = (await clients()) as [Client, Client];
      expectProblem(
        await bearer.patch(DATA).type('text/plain').send('{"a":1}'),
        415,
        'unsupported_media_type',
      );
      expectProblem(
        await cookie.patch(DATA, { a: 1 }).set('Origin', 'https://evil.example'),
        403,
        'cross_origin',
      );
      expect((await cookie.get(DATA).expect(200)).body).toEqual({ data: {} });
    });

    it('loses nothing of many tabs at once', async () => {
      const client = await sample().newcomer();
      await Promise.all(
        Array.from({ length: 50 }, (_, i) => client.patch(DATA, { [`tab${i}`]: i }).expect(200)),
      );
      const { body } = await client.get(DATA).expect(200);
      expect(Object.keys(body.data)).toHaveLength(50);
    });
  },
  { alsoWithJwts: true },
);

describe(`${DATA} with REFRESH=on`, () => {
  let sample: Sample;
  beforeAll(async () => {
    sample = await Sample.start({
      env: { REFRESH: 'on', DATA_KEYS: `k:${randomBytes(32).toString('base64')}` },
    });
  });
  afterAll(() => sample.stop());

  it.each(['bearer', 'cookie'] as const)(
    'survives a refresh (%s), and ends with a reuse',
    async (transport) => {
      const { username } = await sample.newcomer();
      const client = await sample.anybody().login(username, PASSWORD, { transport });
      const used = client.copy();
      await client.patch(DATA, { theme: 'dark' }).expect(200);
      client.keep(await client.askRefresh().expect(200));
      await client.patch(DATA, { more: 1 }).expect(200);
      await used.patch(DATA, { late: 2 }).expect(200); // a request that was under way, within the grace
      expect((await client.get(DATA).expect(200)).body).toEqual({
        data: { theme: 'dark', more: 1, late: 2 },
      });
      client.keep(await client.askRefresh().expect(200));
      expectProblem(await used.askRefresh(), 401, 'session_revoked');
      expectProblem(await client.patch(DATA, { more: 2 }), 401, 'session_revoked');
    },
  );
});

describe('DATA_KEYS', () => {
  let redis: RedisServer;
  const samples: Sample[] = [];
  const start = async (env: Record<string, string>) => {
    const sample = await Sample.start({ env: { REDIS_URL: redis.url, ...env } });
    samples.push(sample);
    return sample;
  };
  const newKey = () => randomBytes(32).toString('base64');
  /** The same client at another node. */
  const at = (sample: Sample, client: Client): Client =>
    Object.assign(sample.anybody(), { token: client.token, transport: client.transport });

  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(async () => {
    for (const sample of samples) await sample.stop();
    await redis.stop();
  });

  it('seals what is in Redis, and rotates from node to node', async () => {
    const [old, next] = [`old:${newKey()}`, `next:${newKey()}`];
    const plain = await start({});
    const client = await plain.newcomer();
    await client.patch(DATA, { secret: 'card-4111' }).expect(200);
    const raw = redis.client();
    const stored = async (): Promise<string> => {
      const [key = ''] = await raw.keys('lk:*:data');
      return (await raw.hvalsBuffer(key)).map((value) => value.toString('latin1')).join();
    };
    expect(await stored()).toContain('card-4111');

    const strict = await start({ DATA_KEYS: old });
    const refused = await at(strict, client).get(DATA);
    expectProblem(refused, 503, 'session_store_unavailable');
    expect(refused.text).not.toContain('4111');
    await at(strict, client).get('/auth/me').expect(200); // the session itself is well

    const lenient = await start({ DATA_KEYS: old, DATA_ACCEPT_PLAIN: '1' });
    expect((await at(lenient, client).get(DATA).expect(200)).body).toEqual({ data: { secret: 'card-4111' } });
    await at(strict, client).patch(DATA, { more: 1 }).expect(200);
    expect(await stored()).toMatch(/s1:old:/);
    expect(await stored()).not.toContain('4111');

    for (const DATA_KEYS of [`${old},${next}`, `${next},${old}`, next]) {
      const node = await start({ DATA_KEYS });
      const { body } = await at(node, client).get(DATA).expect(200);
      expect(body).toEqual({ data: { secret: 'card-4111', more: 1 } });
      await at(node, client).patch(DATA, { more: 1 }).expect(200);
    }
    expect(await stored()).toMatch(/s1:next:/);
    expectProblem(await at(strict, client).get(DATA), 503, 'session_store_unavailable');
  });

  it('is a line that names it, where it is wrong', async () => {
    await expect(start({ DATA_KEYS: `a:${newName()}` })).rejects.toThrow(/^DATA_KEYS must be/);
  });
});
