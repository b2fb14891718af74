import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DirectoryUser } from '@latchkey/session';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';

const spam = { reason: 'spam' };
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server that has a snapshot of when it is told to, and goes back to it when it is killed. */
async function open() {
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-snapshots-'));
  closing.push(() => rm(dir, { recursive: true, force: true }));
  const server = await RedisServer.start({ dir });
  closing.push(() => server.stop());
  const node = async (
    options: Parameters<typeof sessionsOn>[1] = {},
    url = server.url,
  ): Promise<SessionsOn> => {
    const on = await sessionsOn(url, { commandTimeoutMs: 180, ...options });
    closing.push(() => on.close());
    return on;
  };
  const goBack = async (meanwhile?: () => void): Promise<void> => {
    await server.kill();
    meanwhile?.();
    await server.restart();
  };
  return { server, node, goBack, snapshot: () => server.client().save() };
}

/** Asks as soon as there is an answer. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  const from = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (
        (error as { code?: string }).code !== 'session_store_unavailable' ||
        performance.now() > from + 15_000 // a Cluster that replaces a primary on a busy machine
      )
        throw error;
      await sleep(2);
    }
  }
}

const verdict = (on: SessionsOn, token: string): Promise<string> =>
  answered(async () => {
    const decision = await on.sessions.decide(token);
    return decision.permit ? 'let in' : decision.reason;
  });

describe('Redis comes back with an old snapshot', () => {
  it('acts hold that a node made since, on every node, from its first answer on', async () => {
    const { node, goBack, snapshot, server } = await open();
    const proxy = await CutOffProxy.start(server.port);
    closing.push(() => proxy.close());
    const [one, other] = [await node({}, proxy.url), await node()];
    const tokens: Record<string, string> = {};
    for (const userId of ['blocked', 'outside', 'demoted', 'loggedOut', 'revoked', 'free', 'untouched']) {
      await one.users.ensure(userId, { roles: ['admin'] });
      tokens[userId] = (await one.sessions.create(userId)).token;
    }
    await one.users.block('free', spam);
    // A record that is no record any more must not keep everybody out.
    await one.users.ensure('damaged');
    await one.users.block('damaged', spam);
    await server.client().set(`lk:{${userRefOf('damaged')}}:user`, 'x');
    await snapshot();
    await one.users.block('blocked', { reason: 'spam', by: 'mia' });
    await one.users.setIpAllowlist('outside', ['10.0.0.0/8']);
    await one.users.setRoles('demoted', ['user']);
    await one.sessions.revoke('loggedOut', (await one.sessions.list('loggedOut'))[0]!.id, 'logout');
    await one.sessions.revokeAll('revoked');
    await one.users.unblock('free');
    // The node with the acts is the last to come back.
    proxy.cut();
    await goBack(() => setTimeout(() => void proxy.heal(), 250));
    const asked = Object.entries(tokens).flatMap(([userId, token]) =>
      [one, other].map(async (on) => [userId, await verdict(on, token)] as const),
    );
    for (const [userId, verdictOf] of await Promise.all(asked))
      expect([userId, verdictOf]).toEqual([
        userId,
        {
          blocked: 'user_blocked',
          outside: 'ip_not_allowed',
          demoted: 'let in',
          loggedOut: 'session_revoked',
          revoked: 'session_revoked',
          free: 'session_revoked',
          untouched: 'let in',
        }[userId],
      ]);
    expect((await one.users.get('blocked'))?.block).toMatchObject({ reason: 'spam', by: 'mia' });
    expect((await other.users.get('demoted'))?.roles).toEqual(['user']);
    expect((await other.users.get('free'))?.status).toBe('active');
  }, 30_000);

  it('a node that ended sessions gives back nothing that another one has changed since it knew the user', async () => {
    const { node, goBack, snapshot } = await open();
    const [one, other] = [await node(), await node()];
    await one.users.ensure('ada', { roles: ['user'] });
    await one.users.block('ada', spam);
    await one.users.unblock('ada');
    await one.users.setRoles('ada', ['admin']);
    await other.users.setRoles('ada', ['user']);
    await other.users.block('ada', { reason: 'again' });
    await snapshot();
    await one.sessions.revokeAll('ada');
    const { epoch } = (await one.users.get('ada'))!;
    await goBack();
    const ada = await answered(() => other.users.get('ada'));
    expect(ada).toMatchObject({ status: 'blocked', roles: ['user'], epoch });
    expect(ada?.block).toMatchObject({ reason: 'again' });
  }, 30_000);

  it('named IP lists are as they were set last, by whichever node', async () => {
    const { node, goBack, snapshot } = await open();
    const [one, other] = [await node(), await node()];
    const set = (on: SessionsOn, name: string, cidrs: string[]) =>
      on.repository.ipLists.write({ name, cidrs, ifVersion: 'any' });
    await set(one, 'banned', ['192.0.2.1/32']);
    await set(one, 'office', ['10.0.0.0/8']);
    await snapshot();
    await set(one, 'banned', ['192.0.2.1/32', '192.0.2.2/32']);
    await set(other, 'banned', ['192.0.2.0/24']);
    const last = await set(one, 'new', ['198.51.100.7/32']);
    await goBack();
    const names = ['banned', 'office', 'new'];
    const lists = await answered(() => other.repository.ipLists.read(names.map((name) => ({ name }))));
    expect(lists.map((list) => (typeof list === 'object' ? list.cidrs : list))).toEqual([
      ['192.0.2.0/24'],
      ['10.0.0.0/8'],
      ['198.51.100.7/32'],
    ]);
    expect(lists[2]).toMatchObject(last.outcome === 'changed' ? { version: last.version } : {});
  }, 30_000);

  it('an erased user is erased again, and nobody who was made since', async () => {
    const { node, goBack, snapshot, server } = await open();
    const [one, other] = [await node(), await node()];
    await one.users.ensure('gone');
    const { token } = await one.sessions.create('gone', { data: { cart: [1] } });
    for (const userId of ['back', 'gone']) await one.users.ensure(userId);
    await one.users.erase('back');
    await sleep(5);
    await other.users.ensure('back');
    const newcomer = await other.sessions.create('back');
    await snapshot();
    await one.users.erase('gone');
    await goBack();
    expect(await verdict(other, token)).toBe('session_invalid');
    expect(await verdict(other, newcomer.token)).toBe('let in');
    expect(await server.client().keys(`*{${userRefOf('gone')}}*`)).toEqual([]);
  }, 30_000);

  it('a block that made its record holds, and sessions that a one-time token ended stay dead', async () => {
    const { node, goBack, snapshot } = await open();
    const on = await node();
    const old = await on.sessions.create('ada');
    await on.users.ensure('bob');
    await on.users.erase('bob');
    const { token } = await on.oneTimeTokens.issue('password-reset', 'ada', { ttl: '30m' });
    await snapshot();
    await on.users.update('bob', { roles: ['user'], block: spam });
    await on.oneTimeTokens.consume(token, 'password-reset', { revokeAll: true });
    await goBack();
    expect(await answered(() => on.users.ensure('bob'))).toMatchObject({
      status: 'blocked',
      roles: ['user'],
    });
    expect(await verdict(on, old.token)).toBe('session_revoked');
  }, 30_000);

  it('a block holds after a restart that lost everything', async () => {
    const { node, goBack } = await open();
    const on = await node();
    await on.users.ensure('ada', { roles: ['user'] });
    await on.users.block('ada', spam);
    await goBack();
    expect(await answered(() => on.users.ensure('ada', { roles: ['user'] }))).toMatchObject({
      status: 'blocked',
      roles: ['user'],
    });
  }, 30_000);

  it.each([
    ['nodes that were there', true],
    ['nodes that start after it', false],
  ])(
    'with a UserDirectory, %s load a user before they let anybody in, each user once',
    async (_which, isOld) => {
      const { node, goBack, snapshot, server } = await open();
      const database = new Map<string, DirectoryUser>();
      const asked: string[] = [];
      let [atOnce, most] = [0, 0];
      const userDirectory = {
        load: async (userId: string) => {
          asked.push(userId);
          most = Math.max(most, ++atOnce);
          await sleep(5);
          atOnce--;
          return database.get(userId);
        },
      };
      const options = { userDirectory, maxStateAge: '1h', commandTimeoutMs: 2_000 } as const;
      const before = await node(options);
      const users = Array.from({ length: 200 }, (_, i) => `user-${i}`);
      const tokens = new Map<string, string>();
      for (const userId of users) {
        database.set(userId, { roles: ['user'], version: 1 });
        tokens.set(userId, (await before.sessions.create(userId)).token);
      }
      await snapshot();
      // By another process, which is not there any more: only the database knows.
      for (const userId of users.slice(0, 50)) database.set(userId, { roles: [], block: spam, version: 2 });
      if (!isOld) await before.close();
      // A call that waits for a connection was put together for what the server before knew.
      let waited: Promise<unknown> = Promise.resolve({});
      const ask = () => before.sessions.decide(tokens.get('user-0'));
      await goBack(() => {
        if (isOld) waited = ask().catch(({ code }: { code?: string }) => ({ code }));
      });
      expect(await waited).not.toMatchObject({ permit: true });
      asked.length = 0;
      const nodes = isOld ? [before] : [await node(options), await node(options)];
      for (const on of nodes) await answered(() => on.users.get('user-199'));
      const verdicts = await Promise.all(
        users.flatMap((userId) => nodes.map((on) => verdict(on, tokens.get(userId)!))),
      );
      expect(verdicts.filter((one) => one === 'user_blocked')).toHaveLength(50 * nodes.length);
      expect(verdicts.filter((one) => one === 'let in')).toHaveLength(150 * nodes.length);
      expect(most).toBeLessThanOrEqual(32 * nodes.length);
      expect(asked.length).toBeGreaterThanOrEqual(200);
      expect(asked.length).toBeLessThanOrEqual(200 * nodes.length);
      // It is over: nobody is loaded again, not by a node that comes later either.
      asked.length = 0;
      const later = await node(options);
      for (const on of [...nodes, later]) expect(await verdict(on, tokens.get('user-199')!)).toBe('let in');
      expect(asked).toEqual([]);
      expect(await server.client().hlen('lk:{live}:servers')).toBe(2);
    },
    30_000,
  );
});

it('with a UserDirectory, a Cluster that replaces a primary loads users again', async () => {
  const cluster = await RedisCluster.start({ replicas: 1 });
  closing.push(() => cluster.stop());
  const database = new Map<string, DirectoryUser>();
  const userDirectory = { load: async (userId: string) => database.get(userId) };
  const nodes = cluster.nodes.slice(0, 3).map(({ host, port }) => ({ host, port }));
  const on = await sessionsOn(
    { cluster: nodes },
    { userDirectory, maxStateAge: '1h', commandTimeoutMs: 180 },
  );
  closing.push(() => on.close());
  const tokens: string[] = [];
  for (let i = 0; i < 12; i++) {
    database.set(`user-${i}`, { roles: ['user'], version: 1 });
    tokens.push((await answered(() => on.sessions.create(`user-${i}`))).token);
  }
  await verdict(on, tokens[0]!);
  for (const userId of database.keys()) database.set(userId, { roles: [], block: spam, version: 2 });
  await cluster.nodes[0]!.kill();
  const until = performance.now() + 15_000;
  let verdicts: string[] = [];
  while (verdicts.some((one) => one !== 'user_blocked') || verdicts.length === 0) {
    if (performance.now() > until) throw new Error(`After 15 s: ${verdicts.join(' ')}`);
    verdicts = await Promise.all(tokens.map((token) => verdict(on, token)));
  }
}, 60_000);

it.each(['no', 'yes'])(
  'the boot in production says what a restart undoes (appendonly %s)',
  async (appendonly) => {
    const server = await RedisServer.start({ args: ['--appendonly', appendonly] });
    closing.push(() => server.stop());
    const environment = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    closing.push(async () => void (process.env['NODE_ENV'] = environment));
    const on = await sessionsOn(server.url);
    closing.push(() => on.close());
    expect(on.log.filter((line) => line.includes('aof_enabled:0'))).toHaveLength(appendonly === 'no' ? 1 : 0);
  },
);
