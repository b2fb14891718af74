/// <reference types="jest" />
import type { SessionEvent, UserEvent } from '../../model/session-event.js';
import { type ContractTest, hear, type OpenContract, newSession } from './support.js';

/** What a repository says of what it does, and what it knows of nodes. */
export function describeEvents(open: OpenContract): void {
  /** Hears what is announced from here on. */
  async function listen(test: ContractTest) {
    const heard = await hear(test);
    return async (howMany: number): Promise<SessionEvent[]> => {
      const deadline = Date.now() + 2_000;
      while (heard.length < howMany && Date.now() < deadline) await new Promise((go) => setTimeout(go, 5));
      await new Promise((go) => setTimeout(go, 20)); // one too many would come by then
      return heard.splice(0);
    };
  }

  describe('announces', () => {
    it('a login, and the session that it evicts', async () => {
      const test = await open({ maxSessionsPerUser: 1 });
      const first = await test.login();
      const heard = await listen(test);
      const { session, user } = await test.login();
      const about = { userId: 'ada', userRef: first.proof.userRef, version: user.version, epoch: user.epoch };
      expect(await heard(2)).toEqual([
        { ...about, name: 'session.revoked', sessionId: first.session.id },
        { ...about, name: 'session.created', sessionId: session.id },
      ]);
    });

    it('the end of a session, if there was one to end', async () => {
      const test = await open();
      const { session } = await test.login();
      const heard = await listen(test);
      await test.repository.revoke('ada', newSession().session.sessionId, 'revoked');
      await test.repository.revoke('ada', session.id, 'logout');
      await test.repository.revoke('ada', session.id, 'logout');
      expect(await heard(1)).toMatchObject([{ name: 'session.revoked', sessionId: session.id }]);
    });

    it('a new epoch with its number, and the session that is kept', async () => {
      const test = await open();
      const { session, proof } = await test.login();
      const heard = await listen(test);
      const revoked = await test.repository.revokeAll('ada', proof);
      const {
        outcome: _,
        sessions: _sessions,
        ...numbers
      } = revoked as Extract<typeof revoked, { outcome: 'revoked' }>;
      await test.repository.revokeAll('ada');
      await test.repository.revokeAll('ada', proof); // refused
      const [first, second, ...others] = await heard(2);
      expect(first).toMatchObject({ name: 'sessions.revoked_all', ...numbers, sessionId: session.id });
      expect(second).toMatchObject({ name: 'sessions.revoked_all', epoch: numbers.epoch + 1 });
      expect(second).not.toHaveProperty('sessionId');
      expect(others).toEqual([]);
    });

    it('a new token, and with it the end of all other sessions', async () => {
      const test = await open();
      const { proof, session } = await test.login();
      const heard = await listen(test);
      const replaced = await test.replaced(proof);
      await test.replaced(replaced.proof, { revokeOthers: true });
      await test.replace(proof); // refused
      const events = (await heard(3)) as UserEvent[];
      expect(events.map(({ name, sessionId }) => [name, sessionId])).toEqual([
        ['session.token_replaced', session.id],
        ['sessions.revoked_all', session.id],
        ['session.token_replaced', session.id],
      ]);
    });

    it('blocks and roles with the version that they led to, and the lifting of a block that there was', async () => {
      const test = await open();
      await test.makeUser();
      const heard = await listen(test);
      await test.change({ block: null });
      const blocked = await test.change({ block: { reason: 'spam' }, roles: ['user'] });
      const unblocked = await test.change({ block: null });
      const listed = await test.change({ ipAllowlist: ['::1'] });
      await test.repository.users.change({ userId: 'ada', ifVersion: 1, roles: [] }); // a conflict
      expect((await heard(4)).map(({ name, version }) => [name, version])).toEqual([
        ['user.blocked', blocked.version],
        ['user.roles_changed', blocked.version],
        ['user.unblocked', unblocked.version],
        ['user.ip_allowlist_changed', listed.version],
      ]);
    });

    it('a named list with its version, if it was changed', async () => {
      const test = await open();
      const heard = await listen(test);
      const { ipLists } = test.repository;
      const made = await ipLists.write({ name: 'office', cidrs: [], ifVersion: 'absent' });
      await ipLists.write({ name: 'office', cidrs: [], ifVersion: 'absent' }); // a conflict
      const { version } = made as Extract<typeof made, { outcome: 'changed' }>;
      expect(await heard(1)).toEqual([{ name: 'ip_list.changed', list: 'office', version }]);
    });

    it('what a load has changed', async () => {
      const test = await open();
      await test.load({ roles: ['user'], sourceVersion: 1 });
      const heard = await listen(test);
      await test.load({ roles: ['user'], sourceVersion: 2 });
      await test.load({ roles: ['user'], block: { reason: 'spam' }, sourceVersion: 3 });
      expect((await heard(1)).map(({ name }) => name)).toContain('user.blocked');
    });

    it('that a user was forgotten', async () => {
      const test = await open();
      await test.makeUser();
      const heard = await listen(test);
      await test.repository.users.erase('ada');
      await test.repository.users.erase('ada');
      expect(await heard(1)).toMatchObject([{ name: 'user.erased', userId: 'ada' }]);
    });
  });

  it('knows the nodes that are there, and what they have confirmed', async () => {
    const { nodes } = (await open()).repository;
    const act = { userRef: 'ref', version: 7 };
    await nodes.register('a');
    await nodes.register('b');
    await nodes.confirm('a', act, 1);
    await nodes.confirm('a', act, 2);
    await nodes.confirm('b', { ...act, version: 8 }, 5);
    const known = await nodes.confirmations(act);
    expect([...known.nodes].sort()).toEqual(['a', 'b']);
    expect([...known.confirmed]).toEqual([['a', 3]]);
    await nodes.remove('b');
    expect((await nodes.confirmations(act)).nodes).toEqual(['a']);
  });

  it('tells a node that it was not known to be there, or has missed an act, and only then', async () => {
    const { nodes } = (await open()).repository;
    expect(await nodes.register('a')).toBe(true);
    expect(await nodes.register('a')).toBe(false);
    await nodes.reportMissed('a');
    expect(await nodes.register('b')).toBe(true);
    expect(await nodes.register('b')).toBe(false);
    expect(await nodes.register('a')).toBe(true);
    expect(await nodes.register('a')).toBe(false);
    await nodes.remove('a');
    expect(await nodes.register('a')).toBe(true);
  });
}
