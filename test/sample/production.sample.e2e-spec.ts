import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';
import { buildSample, BUILD_TIMEOUT_MS } from './support/build.js';
import { cookieOf, expectProblem } from './support/client.js';
import { PASSWORD, Sample } from './support/sample.js';
import { makeAdmin } from '../../src/admin/make-admin.js';
import { bearer, SocketClient, StreamClient } from '../live/support/clients.js';

/** For a process to end by itself on a machine that is busy with other things. */
const PATIENCE_MS = 60_000;

describe('production', () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await RedisServer.start();
  });
  afterEach(() => redis.stop());

  const production = () => ({ NODE_ENV: 'production', REDIS_URL: redis.url });

  /** Everything but from where admins may come, which the first start writes, which nodes there are, and what they count. */
  const keysOfPeople = async () =>
    (await redis.client().keys('*')).filter(
      (key) =>
        !key.startsWith('app:activity:') &&
        !['app:admin-list-made', 'app:nodes', 'lk:{ip}:list:admin'].includes(key),
    );

  /** Runs the command as `npm run make-admin -- USERNAME` does. */
  async function command(args: readonly string[], env: Record<string, string | undefined>) {
    const said: string[] = [];
    const say = (line: unknown): void => void said.push(String(line));
    const spies = [jest.spyOn(console, 'log'), jest.spyOn(console, 'error')].map((spy) =>
      spy.mockImplementation(say),
    );
    try {
      process.exitCode = undefined;
      await makeAdmin(env, args);
      return { code: Number(process.exitCode ?? 0), said: said.join('\n') };
    } finally {
      process.exitCode = undefined;
      for (const spy of spies) spy.mockRestore();
    }
  }

  it('makes no demo accounts', async () => {
    const sample = await Sample.start({ env: production() });
    expect(await keysOfPeople()).toEqual([]);
    const reply = await sample
      .anybody()
      .post('/auth/login', { username: 'root', password: 'correct-horse-root' });
    expectProblem(reply, 401, 'bad_credentials');
    await sample.stop();
  });

  it('refuses those that it finds, whenever they logged in elsewhere', async () => {
    const sample = await Sample.start({ env: production() });
    const development = await Sample.start({ env: { REDIS_URL: redis.url } });
    const here = async (name: string, transport: 'cookie' | 'bearer') =>
      Object.assign(sample.anybody(), await development.as(name, { transport }), { url: sample.url });
    for (const transport of ['cookie', 'bearer'] as const) {
      for (const name of ['alice', 'bob', 'mia', 'root']) {
        expect(await (await here(name, transport)).denial()).toBe('session_invalid');
      }
    }
    const root = await here('root', 'bearer');
    const newcomer = await sample.newcomer();
    const roles = `/admin/users/${newcomer.userId}/roles`;
    expectProblem(await root.put(roles, { roles: ['admin'] }), 401, 'session_invalid');
    expectProblem(await root.put('/auth/password', {}), 401, 'session_invalid');
    const cookie = await here('root', 'cookie');
    const logout = await cookie.post('/auth/logout');
    expectProblem(logout, 401, 'session_invalid');
    expect(cookieOf(logout)).toBe('');
    expect(await newcomer.denial()).toBeUndefined();
    const there = await development.as('root');
    expect(await there.denial()).toBeUndefined();

    const credentials = bearer(there.token);
    expect((await StreamClient.open(sample.url, credentials)).response.statusCode).toBe(401);
    const socket = await SocketClient.open(sample.url, credentials);
    socket.send('ping');
    expect(await socket.ended()).toMatchObject({ code: 4401, reason: 'session_invalid' });
    expect(socket.messages).toEqual([]);

    const nobody = sample.anybody();
    const demo = await nobody.post('/auth/login', { username: 'root', password: 'correct-horse-root' });
    expectProblem(demo, 401, 'bad_credentials');
    const unknown = await nobody.post('/auth/login', { username: 'nobody', password: 'correct-horse-root' });
    expect(demo.text).toBe(unknown.text);
    expectProblem(
      await nobody.post('/auth/register', { username: 'root', password: PASSWORD }),
      409,
      'conflict',
    );
    await Promise.all([sample.stop(), development.stop()]);
  });

  it('gets its first admin by a command, which makes the account', async () => {
    const sample = await Sample.start({ env: production() });
    await expect(command(['Chief'], { ...production(), ADMIN_PASSWORD: PASSWORD })).resolves.toEqual({
      code: 0,
      said: 'chief has an account now and is an admin',
    });
    const chief = await sample.anybody().login('chief', PASSWORD);
    const helper = await sample.newcomer();
    await chief.put(`/admin/users/${helper.userId}/roles`, { roles: ['user', 'moderator'] }).expect(200);
    await sample.stop();
  });

  it('makes nobody an admin who registered the name first, unless the command says so', async () => {
    const sample = await Sample.start({ env: production() });
    const squatter = await sample.newcomer();
    const { username } = squatter;
    const taken = new RegExp(`^${username} has an account already: .*--existing`);
    for (const secret of [{ ADMIN_PASSWORD: 'the password of the operator' }, {}]) {
      const refused = await command([username], { ...production(), ...secret });
      expect(refused).toEqual({ code: 1, said: expect.stringMatching(taken) });
    }
    const me = () => squatter.get('/auth/me').expect(200);
    expect((await me()).body.user.roles).toEqual(['user']);

    const both = await command([username, '--existing'], { ...production(), ADMIN_PASSWORD: PASSWORD });
    expect(both).toEqual({ code: 1, said: expect.stringMatching(/^ADMIN_PASSWORD .*--existing/) });
    expect((await me()).body.user.roles).toEqual(['user']);

    await expect(command(['--existing', username], production())).resolves.toEqual({
      code: 0,
      said: `${username} had an account and is an admin now, with the password that it had`,
    });
    expect((await me()).body.user.roles).toEqual(['admin', 'user']);
    await sample.anybody().login(username, PASSWORD);
    await sample.stop();
  });

  it.each([
    [[], {}, /^usage: npm run make-admin -- USERNAME/],
    [['no name'], {}, /^usage/],
    [['chief', 'and-password'], {}, /^usage/],
    [['chief', '--force'], {}, /^usage.*--existing/],
    [['--existing'], {}, /^usage/],
    [['chief', '--existing'], { ADMIN_PASSWORD: '' }, /^chief has no account/],
    [['chief'], { ADMIN_PASSWORD: 'short' }, /^The password must have 8–128 characters$/],
    [['chief'], { REDIS_URL: '', ALLOW_MEMORY: '1' }, /^REDIS_URL must be set/],
    [['chief'], { REDIS_URL: 'redis://127.0.0.1:1' }, /^Redis cannot be reached/],
  ])('refuses the command %j with %j', async (args, env, line) => {
    const outcome = await command(args, { ...production(), ADMIN_PASSWORD: PASSWORD, ...env });
    expect(outcome.code).toBe(1);
    expect(outcome.said).toMatch(line);
    expect(outcome.said.split('\n')).toHaveLength(1);
    expect(await keysOfPeople()).toEqual([]);
  });

  it('does not promote a demo account', async () => {
    const development = await Sample.start({ env: { REDIS_URL: redis.url } });
    for (const args of [['alice'], ['alice', '--existing']]) {
      const outcome = await command(args, production());
      expect(outcome).toEqual({ code: 1, said: expect.stringMatching(/^alice is a demo account/) });
    }
    await development.stop();
  });
});

describe('a boot that cannot succeed', () => {
  beforeAll(buildSample, BUILD_TIMEOUT_MS);

  it.each<[env: Record<string, string>, line: string]>([
    [{ NODE_ENV: 'production' }, 'REDIS_URL must be set in production'],
    [{ REDIS_URL: 'http://x' }, 'REDIS_URL must be a URL'],
    [{ PORT: 'http' }, 'PORT must be a number'],
    [{ TRUST_PROXY: 'yes' }, 'TRUST_PROXY must be'],
  ])(
    'ends with one line for %j',
    async (env, line) => {
      const { code, output } = await AppProcess.runToEnd({ env, readyTimeoutMs: PATIENCE_MS });
      expect(code).toBe(1);
      expect(output.trim().split('\n')).toEqual([expect.stringContaining(line)]);
    },
    2 * PATIENCE_MS,
  );

  it.each([
    ['a wrong password', { password: 'secret-word' }, 'wrong-word', /password/],
    ['no password', { password: 'secret-word' }, '', /password/],
    ['eviction', { args: ['--maxmemory-policy', 'allkeys-lru'] }, undefined, /evicts keys.*noeviction/],
  ])(
    'ends with one line for %s',
    async (_what, options, password, cause) => {
      const server = await RedisServer.start(options);
      const url = new URL(server.url);
      if (password !== undefined) url.password = password;
      const { code, output } = await AppProcess.runToEnd({
        env: { REDIS_URL: url.href },
        readyTimeoutMs: PATIENCE_MS,
      });
      await server.stop();
      expect(code).toBe(1);
      expect(output.trim().split('\n')).toEqual([expect.stringMatching(/^REDIS_URL: /)]);
      expect(output).toMatch(cause);
      expect(output).not.toContain('wrong-word');
    },
    2 * PATIENCE_MS,
  );
});
