import { RedisServer } from '../support/redis-server.js';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';

/** Several nodes: each its own connection and its own services. */
const NODES = 3;

let server: RedisServer;
let nodes: SessionsOn[];

beforeAll(async () => {
  server = await RedisServer.start();
});

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  await server.client().flushall();
});

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()));
});

async function start(settings: Parameters<typeof sessionsOn>[1] = {}): Promise<void> {
  nodes = await Promise.all(
    Array.from({ length: NODES }, () => sessionsOn(server.url, { commandTimeoutMs: 2_000, ...settings })),
  );
}

const node = (i: number): SessionsOn => nodes[i % NODES] as SessionsOn;

describe('10,000 races between activity and the end of a session', () => {
  it('resurrect nothing: whatever is sent after the end is refused', async () => {
    // Every check is written down as activity, so that each of them could bring a session back.
    await start({ touchInterval: 0 });
    const rounds = 500;
    const checksPerRound = 20;
    let refusedWhileRacing = 0;
    for (let round = 0; round < rounds; round++) {
      const userId = `user-${round % 50}`;
      const { token, session } = await node(round).sessions.create(userId);
      const end = (): Promise<unknown> =>
        round % 3 === 0
          ? node(round).sessions.revokeAll(userId)
          : node(round).sessions.revoke(userId, session.id);
      const checks = Array.from({ length: checksPerRound }, async (_, i) => {
        const decision = await node(i + 1).sessions.decide(token);
        if (!decision.permit) refusedWhileRacing++;
      });
      await Promise.all([...checks.slice(0, checksPerRound / 2), end(), ...checks.slice(checksPerRound / 2)]);
      const late = await Promise.all(nodes.map((on) => on.sessions.decide(token)));
      expect(late.map((decision) => (decision.permit ? 'permit' : decision.reason))).toEqual(
        nodes.map(() => 'session_revoked'),
      );
    }
    // Otherwise nothing raced.
    expect(refusedWhileRacing).toBeGreaterThan(0);
    expect(refusedWhileRacing).toBeLessThan(rounds * checksPerRound);
  });
});

describe('the cap on sessions', () => {
  it('is exact under 50 parallel logins on several nodes: evict-oldest', async () => {
    await start({ maxSessionsPerUser: 5 });
    const issued = await Promise.all(Array.from({ length: 50 }, (_, i) => node(i).sessions.create('ada')));
    const decisions = await Promise.all(issued.map(({ token }, i) => node(i + 1).sessions.decide(token)));
    expect(decisions.filter((decision) => decision.permit)).toHaveLength(5);
    expect(await node(0).sessions.list('ada')).toHaveLength(5);
  });

  it('is exact under 50 parallel logins on several nodes: reject', async () => {
    await start({ maxSessionsPerUser: 5, onSessionLimit: 'reject' });
    const logins = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => node(i).sessions.create('ada')),
    );
    expect(logins.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    for (const login of logins) {
      if (login.status === 'rejected') expect(login.reason).toMatchObject({ code: 'session_limit_reached' });
    }
  });
});

describe('acts of a caller who has lost', () => {
  it('of 50 replacements of one token, one succeeds, and only its token is good', async () => {
    await start();
    const { token } = await node(0).sessions.create('ada');
    const own = await Promise.all(Array.from({ length: 50 }, (_, i) => node(i).sessions.authenticate(token)));
    const results = await Promise.allSettled(
      own.map(({ session }, i) => node(i).sessions.replaceToken(session)),
    );
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(won).toHaveLength(1);
    await expect(node(0).sessions.authenticate(token)).rejects.toMatchObject({ code: 'session_revoked' });
    await node(1).sessions.authenticate(won[0]?.token);
  });

  it('a thief and the victim both log all the others out: never do both survive', async () => {
    await start();
    for (let round = 0; round < 200; round++) {
      const thief = await node(0).sessions.create('ada');
      const victim = await node(1).sessions.create('ada');
      await Promise.allSettled([
        node(0).sessions.revokeAll('ada', { except: thief.session }),
        node(1).sessions.revokeAll('ada', { except: victim.session }),
      ]);
      const alive = await Promise.all([thief, victim].map(({ token }) => node(2).sessions.decide(token)));
      expect(alive.filter((decision) => decision.permit)).toHaveLength(1);
    }
  });

  it('a "log out others" that was overtaken by the end of its own session changes nothing', async () => {
    await start();
    const thief = await node(0).sessions.create('ada');
    await node(1).sessions.revokeAll('ada');
    const fresh = await node(1).sessions.create('ada');
    await expect(node(0).sessions.revokeAll('ada', { except: thief.session })).rejects.toMatchObject({
      code: 'session_revoked',
    });
    await node(2).sessions.authenticate(fresh.token);
    await expect(node(2).sessions.authenticate(thief.token)).rejects.toMatchObject({
      code: 'session_revoked',
    });
  });
});

describe('a login that was overtaken', () => {
  it.each([
    [
      'a block and its lifting',
      async (on: SessionsOn) => {
        await on.users.block('ada', { reason: 'spam' });
        await on.users.unblock('ada');
      },
    ],
    ['"log out everywhere"', (on: SessionsOn) => on.sessions.revokeAll('ada')],
    ['an erasure', (on: SessionsOn) => on.users.erase('ada')],
  ])('by %s makes no session', async (_, overtake) => {
    await start();
    const { epoch } = await node(0).users.ensure('ada');
    await overtake(node(1));
    await expect(node(0).sessions.create('ada', { ifEpoch: epoch })).rejects.toBeInstanceOf(Error);
    expect(await node(2).sessions.list('ada')).toEqual([]);
  });
});

describe('a change that timed out and arrives late', () => {
  it('does not undo a later one: a promotion after the demotion', async () => {
    await start();
    const before = await node(0).users.ensure('ada', { roles: ['user'] });
    await node(1).users.setRoles('ada', ['user', 'banned-from-posting']);
    await expect(
      node(0).users.setRoles('ada', ['admin'], { ifVersion: before.version }),
    ).rejects.toMatchObject({ code: 'version_conflict' });
    expect((await node(2).users.get('ada'))?.roles).toEqual(['banned-from-posting', 'user']);
  });

  it('parallel grants of different roles lose none', async () => {
    await start();
    await node(0).users.ensure('ada');
    const roles = Array.from({ length: 20 }, (_, i) => `role-${String(i).padStart(2, '0')}`);
    await Promise.all(roles.map((role, i) => node(i).users.grant('ada', role)));
    expect((await node(2).users.get('ada'))?.roles).toEqual(roles);
  });
});

describe('a slow load from the app database', () => {
  it('does not overwrite a push that came while it was under way', async () => {
    const answers: ((user: { roles: string[]; version: number }) => void)[] = [];
    const slow = {
      load: () => new Promise<{ roles: string[]; version: number }>((resolve) => answers.push(resolve)),
    };
    const asked = async (times: number): Promise<void> => {
      while (answers.length < times) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await start({ userDirectory: slow, maxStateAge: '5m', userDirectoryTimeout: 20_000 });
    const loading = node(0).users.get('ada');
    await asked(1);
    await node(1).users.update('ada', { roles: ['user'], block: { reason: 'spam' }, sourceVersion: 7 });
    await server.client().del((await server.client().keys('lk:*:user'))[0] as string);
    answers[0]?.({ roles: ['admin'], version: 6 });
    await asked(2);
    answers[1]?.({ roles: ['user'], version: 7 });
    expect((await loading)?.roles).toEqual(['user']);
  });
});

describe('the app database', () => {
  const slow = (ms: number) => ({
    asked: 0,
    async load() {
      this.asked++;
      await new Promise((resolve) => setTimeout(resolve, ms));
      return { roles: ['user'], version: 1 };
    },
  });

  it('that is asked by several nodes about one user at a time answers all of them', async () => {
    const userDirectory = slow(100);
    await start({ userDirectory });
    const asking = Array.from({ length: 9 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 15));
      return node(i).users.get('ada');
    });
    for (const user of await Promise.all(asking)) expect(user).toMatchObject({ roles: ['user'] });
    expect(userDirectory.asked).toBeLessThanOrEqual(NODES * 2);
  });

  it('that hangs holds nobody up for longer than it may, and is asked again', async () => {
    let hangs = true;
    const userDirectory = {
      load: () =>
        hangs ? new Promise<never>(() => undefined) : Promise.resolve({ roles: ['user'], version: 1 }),
    };
    await start({ userDirectory, userDirectoryTimeout: 100 });
    await expect(node(0).users.get('ada')).rejects.toMatchObject({ code: 'session_store_unavailable' });
    hangs = false;
    await expect(node(0).users.get('ada')).resolves.toMatchObject({ roles: ['user'] });
  });

  it('has the last word on a user of whom a push told only a part', async () => {
    const userDirectory = {
      load: () => Promise.resolve({ roles: ['user'], version: 1, block: { reason: 'spam' } }),
    };
    await start({ userDirectory });
    await node(0).users.update('ada', { roles: ['editor'] });
    await expect(node(1).sessions.create('ada')).rejects.toMatchObject({ code: 'user_blocked' });
    await expect(node(1).users.ensure('nobody-else')).resolves.toMatchObject({ status: 'blocked' });
  });

  it('that does not know a user lets none be made', async () => {
    await start({ userDirectory: { load: () => Promise.resolve(undefined) } });
    await expect(node(0).users.ensure('eve', { roles: ['admin'] })).rejects.toMatchObject({
      code: 'user_unknown',
    });
    await expect(node(0).users.update('eve', { roles: ['admin'] })).rejects.toMatchObject({
      code: 'user_unknown',
    });
    await expect(node(0).sessions.create('eve')).rejects.toMatchObject({ code: 'user_unknown' });
  });
});

describe('what a caller may get wrong', () => {
  it('is refused with a clear error, and changes nothing', async () => {
    await start();
    const { session, token } = await node(0).sessions.create('ada');
    const { users, sessions } = node(0);
    await expect(users.block('ada', { reason: 'x', until: 1_790_000_000 })).rejects.toMatchObject({
      code: 'bad_request',
    });
    await expect(users.block('ada', { reason: 'x', until: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
      code: 'bad_request',
    });
    await expect(users.block('ada', { reason: '' })).rejects.toMatchObject({ code: 'bad_request' });
    await expect(users.setRoles('ada', 'admin' as never)).rejects.toMatchObject({ code: 'bad_request' });
    await expect(sessions.create('ada', { ifEpoch: undefined as never })).rejects.toThrow('ifEpoch');
    for (const id of ['user', `${session.id}:d`, '', '*'])
      await expect(sessions.revoke('ada', id)).resolves.toBe(false);
    await expect(sessions.authenticate(token)).resolves.toMatchObject({
      user: { status: 'active', roles: [] },
    });
  });
});
