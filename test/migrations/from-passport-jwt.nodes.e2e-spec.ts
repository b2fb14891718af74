import { JwtService } from '@nestjs/jwt';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';
import { ExampleProcess } from './support/example-process.js';
import { TokenClient } from './support/token-client.js';

const SECRETS = { JWT_SECRET: 'the access secret of the test', JWT_REFRESH_SECRET: 'its refresh secret' };
/** Of what is left open until a token expires. */
const LEAKS = 200;

describe('examples/from-passport-jwt: one client, both versions, one Redis', () => {
  let redis: RedisServer;
  let processes: ExampleProcess[] = [];
  let ours: SessionsOn;
  let [before, during, after] = ['', '', ''];

  beforeAll(async () => {
    redis = await RedisServer.start({ args: ['--maxmemory-policy', 'noeviction'] });
    const env = { REDIS_URL: redis.url, ...SECRETS };
    processes = await Promise.all([
      ExampleProcess.start('from-passport-jwt/before', env),
      ExampleProcess.start('from-passport-jwt/after', { ...env, OLD_TOKENS: 'issue' }),
      ExampleProcess.start('from-passport-jwt/after', env),
    ]);
    [before, during, after] = processes.map(({ url }) => url) as [string, string, string];
    ours = await sessionsOn(redis.url);
  });
  afterAll(async () => {
    await ours?.close();
    await Promise.all(processes.map((one) => one.stop()));
    await redis?.stop();
  });

  const phases = (): Readonly<Record<string, readonly string[]>> => ({
    before: [before],
    'both at once': [before, during],
    during: [during],
    'during and after': [during, after],
    after: [after],
    'rolled back': [before],
  });
  const NAMES = ['before', 'both at once', 'during', 'during and after', 'after', 'rolled back'] as const;
  const USERS = { ada: 'abcdef', bob: 'ghijkl' };

  it.each(NAMES.map((name, i) => ({ name, user: (id: keyof typeof USERS) => id + USERS[id][i] })))(
    'runs its whole script $name',
    async ({ name, user }) => {
      const nodes = phases()[name] as readonly string[];
      const isOld = (node: string) => node === before;
      const ada = await new TokenClient(nodes).login(user('ada'));
      for (const _ of nodes) {
        const me = await ada.get('/me');
        expect([me.status, await me.json()]).toEqual([200, { id: user('ada'), roles: ['user'] }]);
      }
      await expect(new TokenClient(nodes).login('no one')).rejects.toThrow('401');
      const nobody = new TokenClient(nodes);
      for (const _ of nodes) expect((await nobody.post('/auth/login')).status).toBe(401);
      for (const _ of nodes) expect((await nobody.post('/auth/refresh')).status).toBe(401);
      expect((await ada.get('/me', 'nonsense')).status).toBe(401);
      expect((await ada.post('/users/bob/block')).status).toBe(403);

      // The access token of before goes on for requests that were under way; the refresh token works once.
      const { accessToken, refreshToken } = ada.tokens;
      await ada.refresh();
      for (const _ of nodes) expect((await ada.get('/me', accessToken)).status).toBe(200);
      expect(await ada.statuses('/me')).toEqual(nodes.map(() => 200));
      if (!nodes.includes(after)) {
        for (const _ of nodes) expect((await ada.post('/auth/refresh', { refreshToken })).status).toBe(401);
      }

      // What got better: a logout logs out, a block blocks.
      const eve = await new TokenClient(nodes.slice(-1)).login('eve');
      const bob = await new TokenClient(nodes).login(user('bob'));
      expect(await bob.statuses('/me')).toEqual(nodes.map(() => 200));
      expect((await eve.post(`/users/${user('bob')}/block`)).status).toBe(201);
      expect(await bob.statuses('/me')).toEqual(nodes.map((node) => (isOld(node) ? LEAKS : 403)));
      await expect(bob.refresh()).rejects.toThrow(/40[13]/);
      const leaving = Object.assign(new TokenClient(nodes.slice(-1)), { tokens: ada.tokens });
      expect((await leaving.post('/auth/logout', leaving.tokens)).status).toBe(204);
      expect(await ada.statuses('/me')).toEqual(nodes.map((node) => (isOld(node) ? LEAKS : 401)));
      await expect(ada.refresh()).rejects.toThrow('401');
    },
  );

  it('keeps one login through all of it, and back again', async () => {
    const ways = [
      [before],
      [before, during],
      [during],
      [before], // rolled back within the week
      [during, before],
      [during],
      [during, after], // the week is over
      [after],
      [during], // rolled back all the same: to the week, until clients have refreshed
      [before],
    ];
    const client = await new TokenClient([before]).login('zoe');
    for (const nodes of ways) {
      client.nodes = nodes;
      for (let round = 0; round < 2; round++) {
        expect(await client.statuses('/me')).toEqual(nodes.map(() => 200));
        await client.refresh();
      }
    }
  });

  it('exchanges a refresh token of the old version once, whoever is asked', async () => {
    const client = await new TokenClient([before]).login('kim');
    client.nodes = [before, during, after];
    const { refreshToken } = client.tokens;
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => client.post('/auth/refresh', { refreshToken })),
    );
    const count = (wanted: number) => replies.filter(({ status }) => status === wanted).length;
    expect([count(200), count(401)]).toEqual([1, 19]);
    expect((await ours.sessions.list('kim')).length).toBeLessThanOrEqual(1);
  });

  it('exchanges it for one session on two nodes', async () => {
    const client = await new TokenClient([before]).login('lea');
    client.nodes = [during, after];
    const { refreshToken } = client.tokens;
    await Promise.all(Array.from({ length: 20 }, () => client.post('/auth/refresh', { refreshToken })));
    expect(await ours.sessions.list('lea')).toHaveLength(1);
  });

  it('refuses an old access token at once after a logout, a block, and without the role', async () => {
    const old = async (id: string) => {
      const client = await new TokenClient([before]).login(id);
      client.nodes = [during, after];
      expect(await client.statuses('/me')).toEqual([200, 200]);
      return client;
    };
    const [ian, joe, mia] = [await old('ian'), await old('joe'), await old('mia')];
    expect((await ian.post('/auth/logout', ian.tokens)).status).toBe(204);
    expect(await ian.statuses('/me')).toEqual([401, 401]);
    expect((await mia.post('/users/joe/block')).status).toBe(201);
    expect(await joe.statuses('/me')).toEqual([403, 403]);
    await expect(joe.refresh()).rejects.toThrow('403');
    await ours.users.setRoles('mia', ['user']);
    expect((await mia.post('/users/ian/block')).status).toBe(403);
    expect((await mia.post('/users/ian/block')).status).toBe(403);
  });

  it('does not let a refresh bring back a session that was ended', async () => {
    const client = await new TokenClient([during]).login('max');
    const [session] = await ours.sessions.list('max');
    await ours.sessions.revoke('max', session?.id as string);
    expect(await client.statuses('/me')).toEqual([401]);
    await expect(client.refresh()).rejects.toThrow('401');
  });

  it('honours no token that has expired or has another signature', async () => {
    const client = new TokenClient([before, during, after]);
    const sign = (secret: string, expiresIn: number) =>
      new JwtService({ secret }).sign({ sub: 'zoe', roles: ['admin'] }, { expiresIn });
    for (const [token, status] of [
      [sign(SECRETS.JWT_SECRET, 60), 200],
      [sign(SECRETS.JWT_SECRET, -1), 401],
      [sign('another secret', 60), 401],
      [sign(SECRETS.JWT_REFRESH_SECRET, 60), 401],
    ] as const) {
      client.tokens = { accessToken: token, refreshToken: token };
      expect(await client.statuses('/me')).toEqual([status, status, status]);
    }
  });
});
