import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionConfigurationError, SessionError } from '../../libs/session/src/model/session-error.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { BUSY_MS, DEFAULT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';

/** The promise is 250 ms, at the client of an app; here there is no app in between. */
const REFUSED_WITHIN_MS = 250;
const BACK_WITHIN_MS = 1_000;

/** Measures by this process's clock, less the time for which a busy machine let the process stand still. */
function stopwatch(): () => number {
  const resolution = 5;
  const delays = monitorEventLoopDelay({ resolution });
  delays.enable();
  const startedAt = performance.now();
  return () => {
    const elapsedMs = performance.now() - startedAt;
    delays.disable();
    const stoodStillMs = delays.count === 0 ? 0 : delays.count * (delays.mean / 1e6 - resolution);
    return elapsedMs - Math.max(0, stoodStillMs);
  };
}

let server: RedisServer;
const opened: { close(): Promise<unknown> }[] = [];

beforeEach(async () => {
  server = await RedisServer.start();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((thing) => thing.close()));
  await server.stop();
});

async function open(
  url: string = server.url,
  settings?: Parameters<typeof sessionsOn>[1],
): Promise<SessionsOn> {
  const on = await sessionsOn(url, { commandTimeoutMs: DEFAULT_MS, ...settings });
  opened.push(on);
  return on;
}

/** Sends so many checks at once; each must be refused, and in time. */
async function expectRefusals(on: SessionsOn, token: string, count: number): Promise<void> {
  const elapsed = stopwatch();
  const results = await Promise.allSettled(
    Array.from({ length: count }, () => on.sessions.authenticate(token)),
  );
  expect(elapsed()).toBeLessThan(REFUSED_WITHIN_MS);
  for (const result of results) {
    expect(result.status).toBe('rejected');
    expect((result as PromiseRejectedResult).reason).toMatchObject({
      code: 'session_store_unavailable',
      statusCode: 503,
    });
  }
}

async function expectBack(on: SessionsOn, token: string): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    try {
      await on.sessions.authenticate(token);
      break;
    } catch (error) {
      if (!(error instanceof SessionError) || error.code !== 'session_store_unavailable') throw error;
      if (performance.now() - startedAt > BACK_WITHIN_MS) throw error;
      await sleep(5);
    }
  }
  expect(performance.now() - startedAt).toBeLessThan(BACK_WITHIN_MS);
}

describe('a Redis that hangs', () => {
  it.each([100, 600, 2_500])(
    'for %d ms: requests are refused in time, and served again when it is back',
    async (ms) => {
      const on = await open();
      const { token } = await on.sessions.create('ada');
      server.freeze();
      await expectRefusals(on, token, 50);
      await sleep(ms);
      await expectRefusals(on, token, 50);
      server.thaw();
      await expectBack(on, token);
      await Promise.all(Array.from({ length: 50 }, () => on.sessions.authenticate(token)));
    },
  );

  it('keeps no one waiting at boot or shutdown', async () => {
    server.freeze();
    const startedAt = performance.now();
    const on = await open();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await expect(on.sessions.create('ada')).rejects.toMatchObject({ code: 'session_store_unavailable' });
    server.thaw();
    await sleep(BACK_WITHIN_MS);
    await on.sessions.create('ada');

    server.freeze();
    void on.sessions.create('ada').catch(() => undefined);
    const closingAt = performance.now();
    await on.close();
    expect(performance.now() - closingAt).toBeLessThan(500 + BUSY_MS);
    server.thaw();
  });
});

describe('a Redis that dies', () => {
  it('refuses in time, those already waiting too, and serves again within a second of its return', async () => {
    const on = await open();
    const { token } = await on.sessions.create('ada');
    await on.sessions.authenticate(token); // from here on Redis knows the script
    const waiting = expectRefusalsOrPermits(on, token, 200);
    await server.kill();
    await waiting;
    await expectRefusals(on, token, 50);
    await sleep(1_500);
    await expectRefusals(on, token, 50);
    await server.restart();
    const startedAt = performance.now();
    await waitFor(() => on.repository.ping(), BACK_WITHIN_MS);
    expect(performance.now() - startedAt).toBeLessThan(BACK_WITHIN_MS);
    // It came back empty. Absence is never permission.
    await expect(on.sessions.authenticate(token)).rejects.toMatchObject({ code: 'session_invalid' });
  });

  it('may be away at boot', async () => {
    await server.kill();
    const on = await open();
    await expect(on.sessions.create('ada')).rejects.toMatchObject({ code: 'session_store_unavailable' });
    await server.restart();
    await waitFor(() => on.sessions.create('ada'), BACK_WITHIN_MS);
    expect(on.log).toHaveLength(2);
  });
});

describe('a network that swallows packets', () => {
  it('is given up for a new connection, so that requests pass within a second of its return', async () => {
    const proxy = await CutOffProxy.start(server.port);
    opened.push(proxy);
    const on = await open(`redis://127.0.0.1:${proxy.port}`);
    const { token } = await on.sessions.create('ada');
    proxy.blackhole();
    await expectRefusals(on, token, 20);
    await sleep(1_000);
    await expectRefusals(on, token, 20);
    await proxy.heal();
    await expectBack(on, token);
  });
});

describe('a Redis that lost something', () => {
  it('its scripts: they are sent again, invisibly', async () => {
    const on = await open();
    const admin = server.client();
    const { token } = await on.sessions.create('ada');
    let flushing = true;
    const flusher = (async () => {
      while (flushing) await admin.script('FLUSH');
    })();
    for (let i = 0; i < 300; i++) await on.sessions.authenticate(token);
    flushing = false;
    await flusher;
  });

  it('everything: all are logged out, and whoever the app database has as blocked stays blocked', async () => {
    const directory = { load: async () => ({ roles: ['user'], version: 1, block: { reason: 'spam' } }) };
    const on = await open(server.url, { userDirectory: directory, maxStateAge: '5m' });
    await on.users.update('ada', { roles: ['user'], block: null, sourceVersion: 2 });
    const { token } = await on.sessions.create('ada');
    await server.client().flushall();
    await expect(on.sessions.authenticate(token)).rejects.toMatchObject({ code: 'session_invalid' });
    await expect(on.sessions.create('ada')).rejects.toMatchObject({ code: 'user_blocked' });
  });

  it('all of a user: it is loaded, old sessions are none of the new record, and whoever is blocked stays so', async () => {
    let blocked = false;
    const directory = {
      load: async () => ({ roles: ['user'], version: 1, ...(blocked ? { block: { reason: 'spam' } } : {}) }),
    };
    const on = await open(server.url, { userDirectory: directory, maxStateAge: '5m' });
    const { token } = await on.sessions.create('ada');
    await expect(on.sessions.authenticate(token)).resolves.toMatchObject({ user: { roles: ['user'] } });
    const admin = server.client();
    await admin.del((await admin.keys('lk:*:user'))[0] as string);
    await expect(on.sessions.authenticate(token)).rejects.toMatchObject({ code: 'session_invalid' });
    await on.sessions.create('ada');
    await expect(on.sessions.authenticate(token)).rejects.toMatchObject({ code: 'session_invalid' });
    blocked = true;
    await admin.del((await admin.keys('lk:*:user'))[0] as string);
    await expect(on.sessions.create('ada')).rejects.toMatchObject({ code: 'user_blocked' });
  });

  it.each(['id', 'u'])('the field %s of a user: nobody is let in, and no quota is counted', async (field) => {
    const on = await open(server.url);
    const { token } = await on.sessions.create('ada');
    const admin = server.client();
    const key = (await admin.keys('lk:*:user'))[0] as string;
    await admin.hdel(key, field);
    const quotas = [{ name: 'acts', quota: 1, windowMs: 60_000, burst: 1, by: 'user' }] as const;
    await expect(on.sessions.authenticate(token, { roleGroups: [], quotas })).rejects.toMatchObject({
      code: 'session_invalid',
    });
    expect(await admin.hexists(key, 'q:acts')).toBe(0);
  });
});

describe('a Redis that is full', () => {
  it('still checks, blocks and revokes, and takes no logins', async () => {
    const on = await open(server.url, { touchInterval: 1 });
    const admin = server.client();
    const ada = await on.sessions.create('ada');
    const second = await on.sessions.create('ada');
    const bob = await on.sessions.create('bob');
    await admin.config('SET', 'maxmemory', '1');

    await expect(on.sessions.create('ada')).rejects.toMatchObject({ code: 'session_store_unavailable' });
    await expect(on.users.ensure('eve')).rejects.toMatchObject({ code: 'session_store_unavailable' });
    await sleep(5);
    await on.sessions.authenticate(ada.token);
    await expect(on.sessions.revoke('ada', second.session.id)).resolves.toBe(true);
    await expect(on.sessions.authenticate(second.token)).rejects.toMatchObject({ code: 'session_revoked' });
    await on.users.block('ada', { reason: 'spam' });
    await expect(on.sessions.authenticate(ada.token)).rejects.toMatchObject({ code: 'user_blocked' });
    await on.sessions.revokeAll('bob');
    await expect(on.sessions.authenticate(bob.token)).rejects.toMatchObject({ code: 'session_revoked' });
  });
});

describe('a Redis that must not be used', () => {
  const open = (url: string) => sessionsOn(url).then((on) => on.close());

  it('has another password', async () => {
    const locked = await RedisServer.start({ password: 'right' });
    await expect(open(`redis://:wrong@127.0.0.1:${locked.port}`)).rejects.toThrow(
      /^@latchkey\/session: redis was refused: the user name or password is wrong/,
    );
    await expect(open(`redis://127.0.0.1:${locked.port}`)).rejects.toBeInstanceOf(SessionConfigurationError);
    await locked.stop();
  });

  it('evicts', async () => {
    await server.client().config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(open(server.url)).rejects.toThrow(/redis evicts keys .*allkeys-lru.* noeviction/);
  });

  it('is a replica', async () => {
    const replica = await RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(server.port)] });
    await expect(open(replica.url)).rejects.toThrow(/read-only replica/);
    await replica.stop();
  });

  it('has no such database', async () => {
    await expect(open(`${server.url}/999`)).rejects.toThrow(/database number/);
  });

  it('may not be looked at', async () => {
    await server.client().call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-info');
    await expect(open(`redis://app:pw@127.0.0.1:${server.port}`)).rejects.toThrow(/INFO/);
  });

  it('began to evict while the app could not see it', async () => {
    const on = await sessionsOn(server.url);
    opened.push(on);
    const { token } = await on.sessions.create('ada');
    await server.kill();
    await server.restart();
    await server.client().config('SET', 'maxmemory-policy', 'allkeys-lru');
    await server.client().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await waitFor(async () => {
      await expect(on.sessions.authenticate(token)).rejects.toMatchObject({
        code: 'session_store_unavailable',
      });
      expect(on.log.join('\n')).toMatch(/evicts keys/);
    }, 3_000);
    // And is mended, without a reconnection.
    await server.client().config('SET', 'maxmemory-policy', 'noeviction');
    await waitFor(() => on.sessions.create('ada'), 3_000);
  });
});

/** Every request is answered in time, one way or the other. */
async function expectRefusalsOrPermits(on: SessionsOn, token: string, count: number): Promise<void> {
  const elapsed = stopwatch();
  const answers = Array.from({ length: count }, () => on.sessions.authenticate(token));
  for (const answer of await Promise.allSettled(answers)) {
    if (answer.status === 'rejected')
      expect(answer.reason).toMatchObject({ code: 'session_store_unavailable' });
  }
  expect(elapsed()).toBeLessThan(REFUSED_WITHIN_MS);
}

async function waitFor(attempt: () => Promise<unknown>, withinMs: number): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() - startedAt > withinMs) throw error;
      await sleep(10);
    }
  }
}
