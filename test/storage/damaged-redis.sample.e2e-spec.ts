import type { Redis } from 'ioredis';
import { bearer, StreamClient } from '../live/support/clients.js';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { Client, expectProblem } from '../sample/support/client.js';

const CHANNEL = 'app:timeline';
const ACCOUNTS = 'app:{users}:accounts';
const NAMES = 'app:{users}:names';
const POSTS = 'app:{posts}:posts';
const WITHDRAWALS = 'app:admin-withdrawals';

/** What somebody may have written who does not know what belongs there. */
const ODD: readonly string[] = [
  '',
  'hello',
  '{',
  'null',
  'true',
  '17',
  '"post"',
  '[]',
  '{}',
  '[{"name":"post"}]',
  '{"name":"post"}',
  '{"name":"post","data":null}',
  '{"name":"post","data":[]}',
  '{"name":"post","data":{}}',
  '{"name":{"toString":1},"data":{"text":"x"}}',
  '{"name":"announcement","data":{"text":{},"by":7}}',
  '{"name":"session-ended","data":{"code":"user_blocked"}}',
  '{"__proto__":{"name":"post"},"data":{"text":"x"}}',
  '{"id":"x","username":[],"passwordHash":{},"createdAt":"soon"}',
  '{"authorId":1,"authorName":2,"text":3,"createdAt":1e300}',
  '\ud800\u0000',
  '['.repeat(20_000),
  `{"name":"post","data":{"text":"${'x'.repeat(1_000_000)}"}}`,
];

let redis: RedisServer;
let writer: Redis;
let nodes: AppProcess[];

beforeAll(async () => {
  await buildSample();
  redis = await RedisServer.start();
  writer = redis.client();
  const env = { REDIS_URL: redis.url, LOGIN_QUOTA: '1000', SESSION_QUOTA: '100000', POST_QUOTA: '100000' };
  nodes = await Promise.all([AppProcess.start({ env }), AppProcess.start({ env })]);
}, BUILD_TIMEOUT_MS);
afterEach(async () => {
  for (const { url } of nodes) await new Client(url).get('/health').expect(200);
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await redis.stop();
});

const as = (username: string, node = 0) =>
  new Client(nodes[node]!.url).login(username, `correct-horse-${username}`);

it('lines on the timeline that no node wrote are dropped, on every node', async () => {
  const alice = await as('alice');
  const streams = await Promise.all(
    nodes.map(async ({ url }, i) => StreamClient.open(url, bearer((await as('bob', i)).token ?? ''))),
  );
  for (const stream of streams) await stream.event('hello');
  for (const line of ODD) await writer.publish(CHANNEL, line);
  for (let i = 0; i < 500; i++) await writer.publish(CHANNEL, `noise ${i}`);
  const forged = { name: 'post', data: { id: '1', text: 'x', html: '<b>', author: { id: 'a' } } };
  await writer.publish(CHANNEL, JSON.stringify(forged));
  await alice.post('/posts', { text: 'after the noise' }).expect(201);
  for (const stream of streams) {
    await stream.event('post');
    expect(stream.events.map(({ name }) => name)).toEqual(['hello', 'post']);
    expect(stream.events.at(-1)?.data).toMatchObject({ text: 'after the noise' });
    stream.close();
  }
  for (const { output } of nodes) {
    const lines = output.split('\n').filter((line) => line.includes('damaged'));
    expect(lines.length).toBeGreaterThanOrEqual(1);
    expect(lines.length).toBeLessThan(5);
    expect(output).not.toContain('noise 1');
  }
});

it.each(ODD)('a post that is damaged is left out: %.40s', async (record) => {
  const alice = await as('alice');
  const { body } = await alice.post('/posts', { text: 'will be damaged' }).expect(201);
  await alice.post('/posts', { text: 'stays' }).expect(201);
  await writer.hset(POSTS, body.post.id, record);
  const reply = await alice.get('/posts').expect(200);
  const ids = reply.body.posts.map(({ id }: { id: string }) => id);
  expect(ids).not.toContain(body.post.id);
  expect(ids).toContain(String(Number(body.post.id) + 1));
  expectProblem(await alice.post(`/posts/${body.post.id}/like`), 404, 'not_found');
});

const damaged = (account: Record<string, unknown>): readonly string[] => [
  ...ODD,
  JSON.stringify({ ...account, id: 'B'.repeat(16) }),
  JSON.stringify({ ...account, passwordHash: undefined }),
  JSON.stringify({ ...account, createdAt: 1e300 }),
];

const SALT_AND_HASH = `${'A'.repeat(22)}$${'A'.repeat(43)}`;
const DAMAGED_HASHES: readonly string[] = [
  '',
  'no hash',
  '$argon2id$',
  `$argon2id$v=19$m=99999999,t=2,p=1$${SALT_AND_HASH}`,
  `$argon2id$v=19$m=19456,t=4000000,p=1$${SALT_AND_HASH}`,
  `$argon2i$v=19$m=19456,t=2,p=1$${SALT_AND_HASH}`,
];

it('an account that is damaged lets nobody in, and takes nothing else along', async () => {
  const [mia, root] = [await as('mia'), await as('root', 1)];
  const [username, password] = ['dora', 'a long enough password'];
  await mia.post('/auth/register', { username, password }).expect(201);
  const dora = await new Client(nodes[0]!.url).login(username, password);
  const record = await writer.hget(ACCOUNTS, dora.userId);
  for (const text of damaged(JSON.parse(record ?? ''))) {
    await writer.hset(ACCOUNTS, dora.userId, text);
    expectProblem(
      await new Client(dora.url).post('/auth/login', { username, password }),
      401,
      'bad_credentials',
    );
    expectProblem(await new Client(dora.url).post('/auth/register', { username, password }), 409, 'conflict');
    expectProblem(await dora.get('/auth/me'), 404, 'not_found');
    expectProblem(await dora.post('/auth/reauthenticate', { password }), 404, 'not_found');
    expectProblem(await dora.post('/posts', { text: 'x' }), 404, 'not_found');
    const users = (await mia.get('/moderation/users').expect(200)).body.users as { id: string }[];
    expect(users.map(({ id }) => id)).toContain(mia.userId);
    expect(users.map(({ id }) => id)).not.toContain(dora.userId);
    await mia.get('/moderation/audit').expect(200);
    expectProblem(await root.put(`/admin/users/${dora.userId}/roles`, { roles: ['user'] }), 404, 'not_found');
  }
  for (const passwordHash of DAMAGED_HASHES) {
    await writer.hset(ACCOUNTS, dora.userId, JSON.stringify({ ...JSON.parse(record ?? ''), passwordHash }));
    expectProblem(
      await new Client(dora.url).post('/auth/login', { username, password }),
      401,
      'bad_credentials',
    );
    expectProblem(await dora.post('/auth/reauthenticate', { password }), 401, 'bad_credentials');
    await dora.get('/auth/me').expect(200);
  }
  await writer.hset(ACCOUNTS, dora.userId, record ?? '');
  await dora.get('/auth/me').expect(200);
  const renamed = JSON.stringify({ ...JSON.parse(record ?? ''), username: 'root' });
  await writer.hset(ACCOUNTS, dora.userId, renamed);
  expectProblem(
    await new Client(dora.url).post('/auth/login', { username, password }),
    401,
    'bad_credentials',
  );
  await writer.hset(NAMES, username, 'no id');
  expectProblem(
    await new Client(dora.url).post('/auth/login', { username, password }),
    401,
    'bad_credentials',
  );
});

it.each(['x', '', 'nan', '-inf', '1e999', '0x10'])(
  'a withdrawal that is damaged (%j) is no permission',
  async (version) => {
    const root = await as('root');
    const made = { username: `admin${version.replace(/\W/g, '')}-a`, password: 'a long enough password' };
    const { body } = await root.post('/auth/register', made).expect(201);
    await root.put(`/admin/users/${body.user.id}/roles`, { roles: ['admin'] }).expect(200);
    await writer.hset(WITHDRAWALS, root.userId, version);
    const demotion = await root.put(`/admin/users/${body.user.id}/roles`, { roles: ['user'] });
    expectProblem(demotion, 503, 'session_store_unavailable');
    await writer.hdel(WITHDRAWALS, root.userId);
    await root.put(`/admin/users/${body.user.id}/roles`, { roles: ['user'] }).expect(200);
  },
);

it('keys of another type are an honest 503', async () => {
  const alice = await as('alice');
  const spared = 'app:{posts}:spared';
  await writer.rename('app:{posts}:timeline', spared);
  await writer.set('app:{posts}:timeline', 'a text');
  expectProblem(await alice.get('/posts'), 503, 'session_store_unavailable');
  expectProblem(await alice.post('/posts', { text: 'x' }), 503, 'session_store_unavailable');
  await writer.del('app:{posts}:timeline');
  await writer.rename(spared, 'app:{posts}:timeline');
  await writer.hset('app:{posts}:likes', (await alice.post('/posts', { text: 'y' })).body.post.id, 'many');
  await alice.get('/posts').expect(200);
});

it('entries of the audit log that no node wrote are left out', async () => {
  const mia = await as('mia');
  await writer.xadd('lk:{audit}:denials', '*', 'a', 'b');
  for (const details of ODD.slice(0, 8)) {
    await writer.xadd('lk:{audit}:denials', '*', 'action', 'x', 'outcome', 'denied', 'details', details);
    await writer.xadd('lk:{audit}:denials', '*', 'action', 'x', 'at', details || 'never', 'details', '{}');
  }
  const { body } = await mia.get('/moderation/audit').expect(200);
  expect(body.events.length).toBeGreaterThan(0);
});
