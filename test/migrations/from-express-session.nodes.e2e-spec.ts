import type { INestApplication } from '@nestjs/common';
import { RateLimiter, SessionService } from '@latchkey/session';
import type { Redis } from 'ioredis';
import { start as startAfter } from '../../examples/from-express-session/after/app.js';
import { start as startBefore } from '../../examples/from-express-session/before/app.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { Browser } from './support/browser.js';

/** What a block leaves open. */
const LEAKS = 200;
const SETTINGS = ['REDIS_URL', 'REDIS_TIMEOUT_MS', 'SESSION_SECRET', 'OLD_SESSIONS'];

describe('examples/from-express-session: one client, both versions, one Redis', () => {
  let redis: RedisServer;
  let client: Redis;
  let sessions: SessionService;
  let apps: INestApplication[] = [];
  let [before, during, after, after2] = ['', '', '', ''];

  beforeAll(async () => {
    redis = await RedisServer.start({ args: ['--maxmemory-policy', 'noeviction'] });
    client = redis.client();
    const env = { REDIS_URL: redis.url, REDIS_TIMEOUT_MS: String(PATIENT_MS), SESSION_SECRET: 'a secret' };
    Object.assign(process.env, env);
    apps = [await startBefore(0), await startAfter(0), await startAfter(0)];
    process.env['OLD_SESSIONS'] = 'keep';
    apps.splice(1, 0, await startAfter(0));
    const urls = await Promise.all(apps.map((app) => app.getUrl()));
    [before, during, after, after2] = urls as [string, string, string, string];
    sessions = (apps[2] as INestApplication).get(SessionService);
  });
  afterAll(async () => {
    for (const name of SETTINGS) delete process.env[name];
    await Promise.all(apps.map((app) => app.close()));
    await redis?.stop();
  });

  const PHASES: ReadonlyArray<[phase: string, user: string, nodes: () => string[]]> = [
    ['before', 'a', () => [before]],
    ['both at once', 'b', () => [before, during]],
    ['during', 'c', () => [during]],
    ['during and after', 'f', () => [during, after]],
    ['after', 'd', () => [after, after2]],
    ['rolled back', 'e', () => [before]],
  ];

  it.each(PHASES)('runs its whole script %s', async (_phase, user, nodesOf) => {
    const nodes = nodesOf();
    const all = (status: number) => nodes.map(() => status);
    const [ada, bob] = [new Browser(nodes), new Browser(nodes)];
    expect(await ada.statuses('/me')).toEqual(all(401));
    await expect(new Browser(nodes).login('no one')).rejects.toThrow('401');
    for (const _ of nodes) expect((await ada.post('/auth/login')).status).toBe(401);
    await ada.login(`ada${user}`);
    await bob.login(`bob${user}`);
    for (const _ of nodes) expect(await ada.json('/me')).toEqual({ id: `ada${user}` });
    const items = ['tea', 'milk', 'jam'];
    for (const item of items) expect((await ada.post('/cart', { item })).status).toBe(201);
    for (const _ of nodes) expect(await ada.json('/cart')).toEqual(items);
    expect((await ada.post(`/users/bob${user}/block`)).status).toBe(403);

    const copied = ada.copy();
    await ada.post('/auth/logout');
    expect(await copied.statuses('/me')).toEqual(all(401));
    expect(await ada.statuses('/me')).toEqual(all(401));

    // What got better: a block blocks.
    const eve = await new Browser(nodes.slice(-1)).login('eve');
    expect(await bob.statuses('/me')).toEqual(all(200));
    expect((await eve.post(`/users/bob${user}/block`)).status).toBe(201);
    expect(await bob.statuses('/me')).toEqual(nodes.map((node) => (node === before ? LEAKS : 403)));
    await expect(new Browser(nodes).login(`bob${user}`)).rejects.toThrow('403');
  });

  it('keeps one login and its data through the week, back again, and after', async () => {
    const browser = await new Browser([before]).login('zoe');
    const items: string[] = [];
    const ways = [
      [before],
      [before, during],
      [during],
      [before],
      [during, before],
      [during],
      [after, after2],
    ];
    for (const nodes of ways) {
      browser.nodes = nodes;
      for (let round = 0; round < 2 * nodes.length; round++) {
        items.push(`item-${items.length}`);
        expect((await browser.post('/cart', { item: items.at(-1) })).status).toBe(201);
        expect(await browser.json('/cart')).toEqual(items);
      }
    }
    expect([...browser.jar.keys()]).toEqual(['__Host-session']);
    expect(await sessions.list('zoe')).toHaveLength(1);
  });

  /** As of many tabs: all with the cookie of before. */
  const tabs = (browser: Browser, nodes: string[]) => Array.from({ length: 20 }, () => browser.copy(nodes));

  it.each([
    ['when it is kept', 'kim', () => [before, during]],
    ['when it is replaced', 'lea', () => [after, after2]],
    ['at the end of the week', 'mel', () => [during, after, after2]],
  ])('goes on as one session for 20 requests at once, %s', async (_when, user, nodesOf) => {
    const browser = await new Browser([before]).login(user);
    await browser.post('/cart', { item: 'tea' });
    const carts = await Promise.all(
      tabs(browser, nodesOf()).map(async (tab, i) => {
        if (i % 2 === 1) await tab.get('/me'); // so that each node is asked first
        return tab.json('/cart');
      }),
    );
    expect(carts).toEqual(carts.map(() => ['tea']));
    expect(await sessions.list(user)).toHaveLength(1);
  });

  it('loses nothing that tabs put in at once, and takes the old data once', async () => {
    const browser = await new Browser([before]).login('lou');
    await browser.post('/cart', { item: 'first' });
    const added = Array.from({ length: 8 }, (_, i) => `tab-${i}`);
    const all = tabs(browser, [after, after2]);
    await Promise.all(added.map((item, i) => (all[i] as Browser).post('/cart', { item })));
    const [first, ...rest] = (await browser.copy([after]).json('/cart')) as string[];
    expect([first, rest.sort()]).toEqual(['first', added]);
  });

  it('ends both at a logout, of which version whatever', async () => {
    for (const [user, node] of [
      ['max', before],
      ['moe', during],
      ['mia', after],
    ] as const) {
      const browser = await new Browser([before]).login(user);
      browser.nodes = [before, during];
      await browser.statuses('/me');
      const copied = browser.copy([before, during, after]);
      browser.nodes = [node];
      expect((await browser.post('/auth/logout')).status).toBeLessThan(300);
      expect(await copied.statuses('/me')).toEqual([401, 401, 401]);
    }
  });

  it('is not brought back by the old cookie, once it was ended', async () => {
    const browser = await new Browser([before]).login('sam');
    browser.nodes = [during];
    await browser.get('/me');
    const [session] = await sessions.list('sam');
    await sessions.revoke('sam', session?.id as string);
    expect(await browser.copy([during, after, during]).statuses('/me')).toEqual([401, 401, 401]);
    expect(await sessions.list('sam')).toHaveLength(0);
  });

  it('follows a login of the old version in the same browser', async () => {
    const browser = await new Browser([before]).login('ned');
    browser.nodes = [after];
    await browser.get('/me');
    browser.nodes = [before];
    await browser.login('ola');
    for (const node of [during, after, after2]) {
      browser.nodes = [node];
      expect(await browser.json('/me')).toEqual({ id: 'ola' });
    }
  });

  it('honours no cookie with another signature, and none of a session that has ended', async () => {
    const browser = await new Browser([before]).login('pia');
    const right = browser.jar.get('connect.sid') as string;
    browser.nodes = [during, after];
    for (const wrong of [
      right.slice(0, -1),
      `${right.slice(0, -3)}abc`,
      right.split('.')[0],
      's%3A',
      '%',
      '',
    ]) {
      browser.jar.set('connect.sid', wrong as string);
      expect(await browser.statuses('/me')).toEqual([401, 401]);
    }
    browser.jar.set('connect.sid', right);
    await client.del(...(await client.keys('sess:*')));
    expect(await browser.statuses('/me')).toEqual([401, 401]);
  });

  it('takes nothing over for a page of another origin', async () => {
    const browser = await new Browser([before]).login('ray');
    browser.nodes = [during, after];
    const foreign = { origin: 'https://evil.example' };
    for (let i = 0; i < 2; i++)
      expect((await browser.post('/cart', { item: 'spam' }, foreign)).status).toBe(403);
    expect(await sessions.list('ray')).toHaveLength(0);
  });

  it('keeps no token at rest', async () => {
    const browser = await new Browser([before]).login('sue');
    const sid = decodeURIComponent(browser.jar.get('connect.sid') as string)
      .slice(2)
      .split('.')[0] as string;
    browser.nodes = [after];
    await browser.get('/me');
    const token = browser.jar.get('__Host-session') as string;
    const taken = await client.keys('taken:*');
    expect(taken.length).toBeGreaterThan(0);
    for (const key of taken) {
      expect(`${key} ${await client.get(key)}`).not.toContain(token.slice(-43));
      expect(key).not.toContain(sid);
    }
  });

  it('marks a credential as used once, by a quota of one, as other ways in need it', async () => {
    const limiters = apps.slice(1).map((app) => app.get(RateLimiter));
    const exchanges = { name: 'exchange', quota: 1, window: '31d' } as const;
    const tries = Array.from({ length: 20 }, (_, i) =>
      (limiters[i % 3] as RateLimiter).consume(exchanges, 'their session'),
    );
    const results = await Promise.all(tries);
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(1);
    expect((await limiters[0]?.consume(exchanges, 'another session'))?.allowed).toBe(true);
  });
});
