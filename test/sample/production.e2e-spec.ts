import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';
import { expectProblem } from './support/client.js';
import { PASSWORD, Sample } from './support/sample.js';
import { makeAdmin } from '../../src/admin/make-admin.js';

describe('production', () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await RedisServer.start();
  });
  afterEach(() => redis.stop());

  const production = () => ({ NODE_ENV: 'production', REDIS_URL: redis.url });

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
    await expect(redis.client().dbsize()).resolves.toBe(0);
    const reply = await sample
      .anybody()
      .post('/auth/login', { username: 'root', password: 'correct-horse-root' });
    expectProblem(reply, 401, 'bad_credentials');
    await sample.stop();
  });

  it('refuses those that it finds, and ends their sessions', async () => {
    const development = await Sample.start({ env: { REDIS_URL: redis.url } });
    const root = await development.as('root');
    const sample = await Sample.start({ env: production() });
    const there = Object.assign(sample.anybody(), root, { url: sample.url });
    expect(await there.denial()).toBe('session_revoked');
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

  it('gets its first admin by a command, which makes an account or promotes one', async () => {
    const sample = await Sample.start({ env: production() });
    const env = { ...production(), ADMIN_PASSWORD: PASSWORD };
    await expect(command(['Chief'], env)).resolves.toEqual({
      code: 0,
      said: 'chief has an account now and is an admin',
    });
    const chief = await sample.anybody().login('chief', PASSWORD);
    const helper = await sample.newcomer();
    await chief.put(`/admin/users/${helper.userId}/roles`, { roles: ['user', 'moderator'] }).expect(200);
    await expect(command([helper.username], production())).resolves.toEqual({
      code: 0,
      said: `${helper.username} had an account and is an admin now`,
    });
    const me = await helper.get('/auth/me').expect(200);
    expect(me.body.user.roles).toEqual(['admin', 'moderator', 'user']);
    await helper.put(`/admin/users/${chief.userId}/roles`, { roles: ['user'] }).expect(200);
    await sample.stop();
  });

  it.each([
    [[], {}, /^usage: npm run make-admin -- USERNAME/],
    [['no name'], {}, /^usage/],
    [['chief', 'and-password'], {}, /^usage/],
    [['chief'], { ADMIN_PASSWORD: 'short' }, /^The password must have 8–128 characters$/],
    [['chief'], { REDIS_URL: '', ALLOW_MEMORY: '1' }, /^REDIS_URL must be set/],
    [['chief'], { REDIS_URL: 'redis://127.0.0.1:1' }, /^Redis cannot be reached/],
  ])('refuses the command %j with %j', async (args, env, line) => {
    const outcome = await command(args, { ...production(), ADMIN_PASSWORD: PASSWORD, ...env });
    expect(outcome.code).toBe(1);
    expect(outcome.said).toMatch(line);
    expect(outcome.said.split('\n')).toHaveLength(1);
    await expect(redis.client().dbsize()).resolves.toBe(0);
  });

  it('does not promote a demo account', async () => {
    const development = await Sample.start({ env: { REDIS_URL: redis.url } });
    const outcome = await command(['alice'], production());
    expect(outcome).toEqual({ code: 1, said: expect.stringMatching(/^alice is a demo account/) });
    await development.stop();
  });

  it.each<[env: Record<string, string>, line: string]>([
    [{ NODE_ENV: 'production' }, 'REDIS_URL must be set in production'],
    [{ REDIS_URL: 'http://x' }, 'REDIS_URL must be a URL'],
    [{ PORT: 'http' }, 'PORT must be a number'],
    [{ TRUST_PROXY: 'yes' }, 'TRUST_PROXY must be'],
  ])('stops the boot with one line for %j', async (env, line) => {
    const { code, output } = await AppProcess.runToEnd({ env });
    expect(code).toBe(1);
    expect(output.trim().split('\n')).toEqual([expect.stringContaining(line)]);
  });

  it.each([
    ['a wrong password', { password: 'secret-word' }, 'wrong-word', /password/],
    ['no password', { password: 'secret-word' }, '', /password/],
    ['eviction', { args: ['--maxmemory-policy', 'allkeys-lru'] }, undefined, /evicts keys.*noeviction/],
  ])('stops the boot with one line for %s', async (_what, options, password, cause) => {
    const server = await RedisServer.start(options);
    const url = new URL(server.url);
    if (password !== undefined) url.password = password;
    const { code, output } = await AppProcess.runToEnd({ env: { REDIS_URL: url.href } });
    await server.stop();
    expect(code).toBe(1);
    expect(output.trim().split('\n')).toEqual([expect.stringMatching(/^REDIS_URL: /)]);
    expect(output).toMatch(cause);
    expect(output).not.toContain('wrong-word');
  });
});
