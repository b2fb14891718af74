import { type Client, expectProblem } from '../sample/support/client.js';
import { describeSample, PASSWORD } from '../sample/support/sample.js';

interface UserBody {
  readonly id: string;
  readonly username: string;
}

const NOBODY = 'A'.repeat(16);

describeSample('/moderation and /admin', (sample) => {
  const block = (actor: Client, targetId: string, body: object = { reason: 'Spam' }) =>
    actor.post(`/moderation/users/${targetId}/block`, body);
  const unblock = (actor: Client, targetId: string) => actor.delete(`/moderation/users/${targetId}/block`);
  const endSessions = (actor: Client, targetId: string) =>
    actor.delete(`/moderation/users/${targetId}/sessions`);
  const setRoles = (actor: Client, targetId: string, roles: unknown = ['user']) =>
    actor.put(`/admin/users/${targetId}/roles`, { roles });

  describe('GET /moderation/users', () => {
    it('lists everybody, newest first, in pages', async () => {
      const people = [await sample().newcomer(), await sample().newcomer(), await sample().newcomer()];
      const mia = await sample().as('mia');
      const first = await mia.get('/moderation/users?limit=2').expect(200);
      const users = first.body.users as UserBody[];
      expect(users.map(({ id }) => id)).toEqual([people[2]?.userId, people[1]?.userId]);
      expect(users[0]).toEqual({
        id: people[2]?.userId,
        username: people[2]?.username,
        roles: ['user'],
        status: 'active',
      });
      const second = await mia.get(`/moderation/users?limit=100&before=${users[1]?.id}`).expect(200);
      const names = (second.body.users as UserBody[]).map(({ username }) => username);
      expect(names[0]).toBe(people[0]?.username);
      expect(names).toEqual(expect.arrayContaining(['alice', 'bob', 'mia', 'root']));
      expect(first.text + second.text).not.toMatch(/argon2|password/);
    });

    it('finds one by name, however it is written', async () => {
      const mia = await sample().as('mia');
      const found = async (username: string) =>
        ((await mia.get(`/moderation/users?username=${username}`).expect(200)).body.users as UserBody[]).map(
          (user) => user.username,
        );
      expect(await found('ALICE')).toEqual(['alice']);
      expect(await found('ali')).toEqual([]);
    });

    it.each(['limit=0', 'limit=1000', 'username=', 'before=x', `before=${NOBODY}`])(
      'refuses ?%s',
      async (query) => {
        const mia = await sample().as('mia');
        const reply = await mia.get(`/moderation/users?${query}`);
        expectProblem(reply, 400, 'bad_request');
        expect(reply.body.errors).toHaveLength(1);
      },
    );
  });

  it("GET /moderation/users/:id/sessions lists a user's devices, by rank", async () => {
    const [mia, target] = [await sample().as('mia'), await sample().newcomer()];
    const reply = await mia.get(`/moderation/users/${target.userId}/sessions`).expect(200);
    expect(reply.body.sessions).toEqual([
      expect.objectContaining({ id: target.sessionId, current: false, device: expect.any(Object) }),
    ]);
    const [root, other] = [await sample().as('root'), await sample().newcomer(['moderator'])];
    for (const above of [root, other]) {
      expectProblem(await mia.get(`/moderation/users/${above.userId}/sessions`), 403, 'forbidden');
      await root.get(`/moderation/users/${above.userId}/sessions`).expect(200);
    }
    expectProblem(await mia.get(`/moderation/users/${NOBODY}/sessions`), 404, 'not_found');
    await root.put(`/admin/users/${target.userId}/roles`, { roles: ['admin'] }).expect(200);
    expectProblem(await mia.get(`/moderation/users/${target.userId}/sessions`), 403, 'forbidden');
    const own = await mia.get(`/moderation/users/${mia.userId}/sessions`).expect(200);
    expect(own.body.sessions[0]).toMatchObject({ id: mia.sessionId, current: true });
  });

  describe('a block', () => {
    it('ends every session, names its reason, and is lifted again', async () => {
      const [mia, target] = [await sample().as('mia'), await sample().newcomer()];
      const second = await sample().anybody().login(target.username, PASSWORD, { transport: 'cookie' });
      const reply = await block(mia, target.userId, {
        reason: 'Spam',
        until: '2099-01-31T12:00:00+02:00',
      }).expect(200);
      expect(reply.body).toEqual({
        user: {
          id: target.userId,
          username: target.username,
          roles: ['user'],
          status: 'blocked',
          block: {
            reason: 'Spam',
            until: '2099-01-31T10:00:00.000Z',
            by: mia.userId,
            at: expect.stringMatching(/Z$/),
          },
        },
        receipt: {
          userId: target.userId,
          version: expect.any(Number),
          epoch: expect.any(Number),
          sessions: 2,
          connectionsClosed: 0,
          nodes: { confirmed: 0, expired: 0 },
          ms: expect.any(Number),
        },
      });
      for (const client of [target, second]) {
        const denied = await client.get('/auth/me');
        expectProblem(denied, 403, 'user_blocked');
        expect(denied.body.block).toEqual({ reason: 'Spam', until: '2099-01-31T10:00:00.000Z' });
      }
      const freed = await unblock(mia, target.userId).expect(200);
      expect(freed.body).toEqual({
        user: { id: target.userId, username: target.username, roles: ['user'], status: 'active' },
      });
      expect(await target.denial()).toBe('session_revoked');
      await sample().anybody().login(target.username, PASSWORD);
      await unblock(mia, target.userId).expect(200);
    });

    it('ends by itself when its time is over', async () => {
      const [mia, target] = [await sample().as('mia'), await sample().newcomer()];
      const until = new Date(Date.now() + 400).toISOString();
      await block(mia, target.userId, { reason: 'A pause', until }).expect(200);
      expect(await target.denial()).toBe('user_blocked');
      await new Promise((resolve) => setTimeout(resolve, 500));
      await sample().anybody().login(target.username, PASSWORD);
      expect(await target.denial()).toBe('session_revoked');
    });

    it.each([
      ['reason', {}],
      ['reason', { reason: '' }],
      ['reason', { reason: '  ' }],
      ['reason', { reason: 'x'.repeat(501) }],
      ['reason', { reason: '😀'.repeat(251) }],
      ['until', { reason: 'x', until: '2020-01-01T00:00:00Z' }],
      ['until', { reason: 'x', until: '2099-01-01' }],
      ['until', { reason: 'x', until: '2099-01-01T00:00:00' }],
      ['until', { reason: 'x', until: '2099-13-01T00:00:00Z' }],
      ['until', { reason: 'x', until: 4_000_000_000_000 }],
      ['until', { reason: 'x', until: null }],
      ['by', { reason: 'x', by: 'root' }],
    ])('refuses a wrong %s', async (field, body) => {
      const [mia, target] = [await sample().as('mia'), await sample().newcomer()];
      const reply = await block(mia, target.userId, body);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.errors).toEqual([{ field, message: expect.any(String) }]);
      expect(await target.denial()).toBeUndefined();
    });
  });

  it('DELETE /moderation/users/:id/sessions logs a user out everywhere, and lets them in again', async () => {
    const [mia, target] = [await sample().as('mia'), await sample().newcomer()];
    await sample().anybody().login(target.username, PASSWORD);
    const reply = await endSessions(mia, target.userId).expect(200);
    expect(reply.body).toEqual({
      revoked: 2,
      receipt: expect.objectContaining({ userId: target.userId, sessions: 2 }),
    });
    expect(await target.denial()).toBe('session_revoked');
    await sample().anybody().login(target.username, PASSWORD);
  });

  describe('PUT /admin/users/:id/roles', () => {
    it('holds from the next request of sessions that keep their tokens', async () => {
      const [root, target] = [await sample().as('root'), await sample().newcomer()];
      expectProblem(await target.get('/moderation/users'), 403, 'forbidden');
      const reply = await setRoles(root, target.userId, ['moderator', 'user']).expect(200);
      expect(reply.body).toEqual({
        user: {
          id: target.userId,
          username: target.username,
          roles: ['moderator', 'user'],
          status: 'active',
        },
        receipt: expect.objectContaining({ userId: target.userId, sessions: 0, version: expect.any(Number) }),
      });
      await target.get('/moderation/users').expect(200);
      await setRoles(root, target.userId, ['user']).expect(200);
      expectProblem(await target.get('/moderation/users'), 403, 'forbidden');
      expect(await target.denial()).toBeUndefined();
    });

    it.each([
      [undefined],
      [[]],
      ['admin'],
      [['admin', 'admin']],
      [['god']],
      [[null]],
      [[['admin']]],
      [{ 0: 'admin' }],
      [null],
    ])('refuses the roles %j', async (roles) => {
      const [root, target] = [await sample().as('root'), await sample().newcomer()];
      const reply = await root.put(`/admin/users/${target.userId}/roles`, { roles });
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.errors).toEqual([{ field: 'roles', message: expect.any(String) }]);
    });

    it('is for admins alone', async () => {
      const [mia, alice, target] = [
        await sample().as('mia'),
        await sample().as('alice'),
        await sample().newcomer(),
      ];
      for (const actor of [mia, alice]) expectProblem(await setRoles(actor, target.userId), 403, 'forbidden');
      expectProblem(await setRoles(sample().anybody(), target.userId), 401, 'session_missing');
    });
  });

  describe('the rank rule', () => {
    const acts = { block, unblock, endSessions, setRoles };
    const ranks = ['user', 'moderator', 'admin'] as const;
    const allowed = (actor: string, target: string, act: string): boolean =>
      actor === 'admin' || (actor === 'moderator' && target === 'user' && act !== 'setRoles');

    it.each(ranks.flatMap((actor) => ranks.map((target) => [actor, target] as const)))(
      '%s on %s',
      async (actorRole, targetRole) => {
        const actor = await sample().newcomer([actorRole]);
        for (const [name, act] of Object.entries(acts)) {
          const target = await sample().newcomer([targetRole]);
          const reply = await act(actor, target.userId);
          if (allowed(actorRole, targetRole, name)) {
            expect({ act: name, status: reply.status }).toEqual({ act: name, status: 200 });
          } else {
            expectProblem(reply, 403, 'forbidden');
            expect(await target.denial()).toBeUndefined();
          }
        }
      },
    );

    it.each(['moderator', 'admin'])('lets no %s act on themselves', async (role) => {
      const actor = await sample().newcomer([role]);
      for (const act of role === 'admin'
        ? [block, unblock, endSessions, setRoles]
        : [block, unblock, endSessions]) {
        expectProblem(await act(actor, actor.userId), 409, 'conflict');
      }
      expect(await actor.denial()).toBeUndefined();
    });

    it('protects the last admin', async () => {
      const root = await sample().as('root');
      expectProblem(await setRoles(root, root.userId, ['user']), 409, 'conflict');
      expectProblem(await block(root, root.userId), 409, 'conflict');
    });

    it('counts a demoted, blocked or unblocked admin for what they are', async () => {
      const [one, two] = [await sample().newcomer(['admin']), await sample().newcomer(['admin'])];
      await setRoles(one, two.userId, ['user']).expect(200);
      expectProblem(await setRoles(two, one.userId), 403, 'forbidden');
      await setRoles(one, two.userId, ['admin']).expect(200);
      await block(two, one.userId).expect(200);
      expectProblem(await setRoles(one, two.userId), 403, 'user_blocked');
      await unblock(two, one.userId).expect(200);
      await one.login(one.username, PASSWORD);
      await setRoles(one, two.userId, ['user']).expect(200);
    });
  });

  it.each([NOBODY, 'x', '%00', '..%2fadmin', 'a'.repeat(2_000), '__proto__'])(
    'answers 404 for the user %.20s',
    async (id) => {
      const root = await sample().as('root');
      for (const act of [block, unblock, endSessions, setRoles])
        expectProblem(await act(root, id), 404, 'not_found');
      expectProblem(await root.get(`/moderation/users/${id}/sessions`), 404, 'not_found');
      expectProblem(await block(root, id, {}), 400, 'bad_request');
    },
  );

  it('is for moderators and admins', async () => {
    const [alice, bob] = [await sample().as('alice'), await sample().as('bob')];
    for (const path of ['/moderation/users', `/moderation/users/${bob.userId}/sessions`]) {
      expectProblem(await alice.get(path), 403, 'forbidden');
      expectProblem(await sample().anybody().get(path), 401, 'session_missing');
    }
    expectProblem(await endSessions(alice, bob.userId), 403, 'forbidden');
    expect(await bob.denial()).toBeUndefined();
  });
});
