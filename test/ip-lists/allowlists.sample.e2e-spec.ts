import type { Test as Reply } from 'supertest';
import { IpAllowlists } from '@latchkey/session';
import { setAdminIps } from '../../src/admin/set-admin-ips.js';
import { RedisServer } from '../support/redis-server.js';
import { type Client, expectProblem } from '../sample/support/client.js';
import { hold } from '../sample/support/gate.js';
import { IMPATIENT, Sample, STORAGES } from '../sample/support/sample.js';

const OFFICE = '198.51.100.7';
const HOME = '203.0.113.9';
const EVERYBODY = ['0.0.0.0/0', '::/0'];
const PATH = '/admin/ip-allowlists/admin';

const from = (ip: string, request: Reply): Reply => request.set('X-Forwarded-For', ip);

describe.each(STORAGES)('/admin/ip-allowlists (%s)', (storage) => {
  let redis: RedisServer | undefined;
  let sample: Sample;
  let root: Client;

  beforeAll(async () => {
    redis = storage === 'redis' ? await RedisServer.start() : undefined;
    sample = await Sample.start({ env: { REDIS_URL: redis?.url, TRUST_PROXY: '1' } });
    root = await sample.as('root');
  });
  afterAll(async () => {
    await sample.stop();
    await redis?.stop();
  });
  afterEach(async () => {
    await sample.app.get(IpAllowlists).set('admin', EVERYBODY);
  });

  const put = (cidrs: unknown, { ip = OFFICE, path = PATH, as = root } = {}) =>
    from(ip, as.put(path, { cidrs }));

  it('starts with everybody, is replaced, and holds from the next request on', async () => {
    expect((await from(HOME, root.get(PATH)).expect(200)).body).toEqual({ name: 'admin', cidrs: EVERYBODY });
    const cidrs = ['198.51.100.0/24', '2001:DB8::/32', '10.1.2.3/8'];
    expect((await put(cidrs).expect(200)).body).toEqual({ name: 'admin', cidrs });
    expect((await from(OFFICE, root.get(PATH)).expect(200)).body).toEqual({ name: 'admin', cidrs });
    expectProblem(await from(HOME, root.get(PATH)), 403, 'ip_not_allowed');
    const { userId } = await sample.newcomer();
    expectProblem(
      await from(HOME, root.put(`/admin/users/${userId}/roles`, { roles: ['user'] })),
      403,
      'ip_not_allowed',
    );
    await from(OFFICE, root.put(`/admin/users/${userId}/roles`, { roles: ['moderator'] })).expect(200);
    await from(HOME, root.get('/moderation/users')).expect(200); // guarded by no list
    expectProblem(await from('unknown', root.get(PATH)), 403, 'ip_not_allowed');
  });

  it('is made by the first PUT under a name, and read by nobody before', async () => {
    const path = '/admin/ip-allowlists/office.2';
    expectProblem(await root.get(path), 404, 'not_found');
    expect((await put([], { path }).expect(200)).body).toEqual({ name: 'office.2', cidrs: [] });
    expect((await put([HOME], { path }).expect(200)).body).toEqual({ name: 'office.2', cidrs: [HOME] });
    expect((await root.get(path).expect(200)).body).toEqual({ name: 'office.2', cidrs: [HOME] });
    expectProblem(await root.get('/admin/ip-allowlists/a%20b'), 404, 'not_found');
    const reply = await put([], { path: '/admin/ip-allowlists/a%20b' });
    expectProblem(reply, 400, 'bad_request');
    expect(reply.body.errors).toEqual([{ field: 'name', message: expect.any(String) }]);
  });

  it.each([
    [['10.0.0.0/33'], "'10.0.0.0/33' is no IP address or CIDR"],
    [['::1', 'office'], "'office' is no IP address or CIDR"],
    [['::ffff:10.0.0.0/104'], "'::ffff:10.0.0.0/104' is IPv4 inside IPv6: write it as IPv4"],
    [[7], 'has an entry that is no text'],
    [['x'.repeat(65)], 'has an entry that is no IP address or CIDR'],
    [Array(1_001).fill('::1'), 'has at most 1000 entries'],
    ['::1', 'is a list'],
    [undefined, 'is a list'],
  ])('refuses %j, and changes nothing', async (cidrs, message) => {
    const reply = await put(cidrs);
    expectProblem(reply, 400, 'bad_request');
    expect(reply.body.errors).toEqual([{ field: 'cidrs', message }]);
    expect((await root.get(PATH)).body.cidrs).toEqual(EVERYBODY);
    expectProblem(await root.put(`${PATH}?force=yes`, { cidrs: [] }), 400, 'bad_request');
    expectProblem(await root.put(PATH, { cidrs: [], name: 'x' }), 400, 'bad_request');
  });

  it('takes a thousand ranges', async () => {
    const cidrs = Array.from({ length: 1_000 }, (_, i) => `198.51.${100 + Math.floor(i / 256)}.${i % 256}`);
    expect((await put(cidrs).expect(200)).body.cidrs).toEqual(cidrs);
  });

  it('does not lock out who asks for it, unless they insist', async () => {
    for (const cidrs of [[], [HOME], ['::/0']]) {
      const reply = await put(cidrs);
      expectProblem(reply, 409, 'conflict');
      expect(reply.body.detail).toContain(OFFICE);
      expectProblem(await from(OFFICE, root.put(`${PATH}?force=false`, { cidrs })), 409, 'conflict');
    }
    await from(OFFICE, root.get(PATH)).expect(200);
    await put([], { path: '/admin/ip-allowlists/other' }).expect(200); // guards nothing of theirs
    await from(OFFICE, root.put(`${PATH}?force=true`, { cidrs: [HOME] })).expect(200);
    expectProblem(await from(OFFICE, root.get(PATH)), 403, 'ip_not_allowed');
    await from(HOME, root.get(PATH)).expect(200);
  });

  it('is for admins alone', async () => {
    for (const [client, status, code] of [
      [sample.anybody(), 401, 'session_missing'],
      [await sample.newcomer(), 403, 'forbidden'],
      [await sample.as('mia'), 403, 'forbidden'],
    ] as const) {
      expectProblem(await client.get(PATH), status, code);
      expectProblem(await put([], { as: client }), status, code);
    }
  });

  it('is audited with what it was and what it became, and so are refusals', async () => {
    await put([OFFICE]).expect(200);
    await put([]).expect(409);
    await from(HOME, root.get(PATH)).expect(403);
    const { body } = await from(HOME, root.get('/moderation/audit?limit=3')).expect(200);
    const [refused, locking, changed] = body.events;
    expect(refused).toMatchObject({
      action: 'access',
      outcome: 'denied',
      ip: HOME,
      details: { code: 'ip_not_allowed', method: 'GET', path: PATH },
    });
    expect(refused.actor.username).toBe('root');
    expect(locking).toMatchObject({ action: 'ip_allowlist.set', outcome: 'failed', details: { after: [] } });
    expect(changed).toMatchObject({
      action: 'ip_allowlist.set',
      outcome: 'ok',
      ip: OFFICE,
      details: { list: 'admin', before: EVERYBODY, after: [OFFICE] },
    });
    expect(changed.actor.username).toBe('root');
  });

  it('lets one of two admins win who shut each other out at once, and the other open nothing again', async () => {
    const rival = await sample.newcomer(['admin'], root);
    const lists = sample.app.get(IpAllowlists);
    for (let round = 0; round < 20; round++) {
      await lists.set('admin', EVERYBODY);
      const replies = await Promise.all([
        put([OFFICE], { ip: OFFICE, as: root }),
        from(HOME, rival.put(`${PATH}?force=true`, { cidrs: [HOME] })),
      ]);
      const winner = replies.findIndex(({ status }) => status === 200);
      expect(replies.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 403]);
      expect((await lists.get('admin'))?.cidrs).toEqual([[OFFICE], [HOME]][winner]);
    }
  });

  it('does not let in again a request that was under way when its author was shut out', async () => {
    const lists = sample.app.get(IpAllowlists);
    const gate = hold(lists, 'get', 'before'); // behind the guard
    const late = from(HOME, root.put(`${PATH}?force=true`, { cidrs: [HOME] })).then((reply) => reply);
    await gate.reached;
    await put([OFFICE]).expect(200);
    gate.open();
    expectProblem(await late, 403, 'ip_not_allowed');
    expect((await lists.get('admin'))?.cidrs).toEqual([OFFICE]);
  });
});

describe('the list `admin` over restarts', () => {
  let redis: RedisServer;
  const key = 'lk:{ip}:list:admin';
  const env = () => ({ REDIS_URL: redis.url });

  beforeEach(async () => {
    redis = await RedisServer.start();
  });
  afterEach(() => redis.stop());

  /** What an admin is answered after a start. */
  async function afterStart(): Promise<number> {
    const sample = await Sample.start({ env: env() });
    try {
      return (await (await sample.as('root')).get(PATH)).status;
    } finally {
      await sample.stop();
    }
  }

  /** `npm run admin-ips -- CIDR…`: its exit code, and what it prints. */
  async function command(cidrs: readonly string[], environment: Record<string, string> = env()) {
    const lines: unknown[] = [];
    const keep = (line: unknown): void => void lines.push(line);
    const spies = [jest.spyOn(console, 'log'), jest.spyOn(console, 'error')];
    for (const spy of spies) spy.mockImplementation(keep);
    try {
      await setAdminIps(environment, cidrs);
      return { code: process.exitCode ?? 0, line: lines.join('\n') };
    } finally {
      process.exitCode = undefined;
      for (const spy of spies) spy.mockRestore();
    }
  }

  it('is made once by two nodes that start at once, and stays what an admin made of it', async () => {
    const nodes = await Promise.all([1, 2].map(() => Sample.start({ env: env() })));
    const [one, two] = nodes as [Sample, Sample];
    const list = await one.app.get(IpAllowlists).get('admin');
    expect(list?.cidrs).toEqual(EVERYBODY);
    const root = await two.as('root');
    await root.put(`${PATH}?force=true`, { cidrs: [] }).expect(200);
    await Promise.all(nodes.map((node) => node.stop()));
    expect(await afterStart()).toBe(403);
    expect(await redis.client().hget(key, 'ranges')).toBe('');
  });

  it('is closed when it was lost, on running nodes and after a restart, until the command says who may come', async () => {
    const sample = await Sample.start({ env: env() });
    const root = await sample.as('root');
    await root.get(PATH).expect(200);
    await redis.client().del(key);
    expectProblem(await root.get(PATH), 403, 'ip_not_allowed');
    expectProblem(await root.put(`${PATH}?force=true`, { cidrs: EVERYBODY }), 403, 'ip_not_allowed');
    expect(await afterStart()).toBe(403);
    expectProblem(await root.get(PATH), 403, 'ip_not_allowed');

    expect(await command([])).toEqual({ code: 1, line: expect.stringMatching(/^usage: npm run admin-ips/) });
    expect(await command(['office'])).toEqual({ code: 1, line: "'office' is no IP address or CIDR" });
    expect(await command(['::1'], {})).toEqual({
      code: 1,
      line: expect.stringMatching(/^REDIS_URL must be set/),
    });
    expect(await command(['127.0.0.1', '::1'])).toEqual({
      code: 0,
      line: 'Admins may come from 127.0.0.1, ::1 now',
    });
    expect((await root.get(PATH).expect(200)).body.cidrs).toEqual(['127.0.0.1', '::1']);
    await sample.stop();
    expect(await afterStart()).toBe(200);
  });

  it('after FLUSHALL is closed on running nodes, and a first start is a first start again', async () => {
    const sample = await Sample.start({ env: env() });
    await redis.client().flushall();
    expect(await sample.app.get(IpAllowlists).get('admin')).toBeUndefined();
    await sample.stop();
    expect(await afterStart()).toBe(200);
  });

  it('is made by a node that started before Redis did', async () => {
    const { port } = redis;
    await redis.kill();
    const sample = await Sample.start({ env: { ...env(), ...IMPATIENT } });
    const started = await RedisServer.start({ port });
    try {
      const deadline = Date.now() + 5_000;
      const lists = sample.app.get(IpAllowlists);
      while (!(await lists.get('admin').catch(() => undefined)) && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect((await lists.get('admin'))?.cidrs).toEqual(EVERYBODY);
    } finally {
      await sample.stop();
      await started.stop();
    }
  });
});
