import type { OpenContract } from './support.js';
import { count, lifetimeOf, times } from './support.js';

const SPAM = { reason: 'spam', by: 'mia' };

/** Users' records: made, changed, blocked and erased. */
export function describeUsers(open: OpenContract): void {
  describe('a user who is made', () => {
    it('has the roles that were given, and is read back as made', async () => {
      const test = await open();
      expect(await test.repository.users.read('ada')).toBeUndefined();
      const outcome = await test.repository.users.change({
        userId: 'ada',
        ifVersion: 'absent',
        roles: ['admin', 'user'],
      });
      const user = await test.user();
      expect(outcome).toEqual({ outcome: 'changed', user, sessions: 0 });
      const { version, epoch } = user;
      expect(user).toEqual({ id: 'ada', status: 'active', roles: ['admin', 'user'], version, epoch });
    });

    it('begins at a random epoch, and at the time as its version', async () => {
      const test = await open();
      const users = await times(20, (i) => test.makeUser(`user-${i}`));
      expect(new Set(users.map(({ epoch }) => epoch)).size).toBe(20);
      for (const { epoch, version } of users) {
        expect(Number.isSafeInteger(epoch)).toBe(true);
        expect(epoch).toBeGreaterThanOrEqual(2 ** 32);
        expect(epoch).toBeLessThan(2 ** 39 + 2);
        expect(version).toBeGreaterThan(Date.UTC(2020, 0));
      }
    });

    it('and erased and made again has another epoch and a higher version', async () => {
      const test = await open();
      const first = await test.makeUser();
      await test.advance(5);
      await test.repository.users.erase('ada');
      const second = await test.makeUser();
      expect(second.epoch).not.toBe(first.epoch);
      expect(second.version).toBeGreaterThan(first.version);
    });

    it('is made once under parallel attempts', async () => {
      const test = await open();
      const outcomes = await times(20, (i) =>
        test.repository.users.change({ userId: 'ada', ifVersion: 'absent', roles: [`role-${i}`] }),
      );
      expect([count(outcomes, 'changed'), count(outcomes, 'version_conflict')]).toEqual([1, 19]);
      const user = await test.user();
      for (const outcome of outcomes) expect(outcome).toMatchObject({ user });
    });

    it('may be blocked from the start', async () => {
      const test = await open();
      const user = await test.change({ block: SPAM });
      expect(user).toMatchObject({ status: 'blocked', block: SPAM, roles: [] });
      expect(await test.user()).toEqual(user);
    });

    it('keeps 32 roles of 64 characters', async () => {
      const test = await open();
      const roles = Array.from({ length: 32 }, (_, i) => `${'r'.repeat(62)}${i + 10}`);
      expect((await test.makeUser('ada', { roles })).roles).toEqual(roles);
      expect((await test.user()).roles).toEqual(roles);
    });
  });

  describe('a change', () => {
    it('happens only at the version that it was made for', async () => {
      const test = await open();
      const { version } = await test.makeUser('ada', { roles: ['user'] });
      const changed = await test.change({ ifVersion: version, roles: ['admin'] });
      expect(changed.version).toBe(version + 1);
      for (const ifVersion of [version, version + 2, 0, 'absent'] as const) {
        const late = await test.repository.users.change({
          userId: 'ada',
          ifVersion,
          roles: ['root'],
          block: SPAM,
        });
        expect(late).toEqual({ outcome: 'version_conflict', user: changed });
      }
      const past = { reason: 'spam', until: 1_000 };
      const late = await test.repository.users.change({ userId: 'ada', ifVersion: 'absent', block: past });
      expect(late).toEqual({ outcome: 'version_conflict', user: changed });
      expect(await test.user()).toEqual(changed);
      expect((await test.change({ ifVersion: 'any', roles: ['user'] })).version).toBe(version + 2);
    });

    it('of a version does not make a user', async () => {
      const test = await open();
      const outcome = await test.repository.users.change({ userId: 'ada', ifVersion: 1, roles: ['root'] });
      expect(outcome).toEqual({ outcome: 'version_conflict' });
      expect(await test.repository.users.read('ada')).toBeUndefined();
    });

    it('happens once under parallel attempts for the same version', async () => {
      const test = await open();
      const { version } = await test.makeUser();
      const outcomes = await times(20, (i) =>
        test.repository.users.change({ userId: 'ada', ifVersion: version, roles: [`role-${i}`] }),
      );
      expect([count(outcomes, 'changed'), count(outcomes, 'version_conflict')]).toEqual([1, 19]);
    });

    it('leaves what it does not name as it is', async () => {
      const test = await open();
      await test.change({ roles: ['user'], block: SPAM, sourceVersion: 3 });
      const { version, ...user } = await test.user();
      expect(await test.change({})).toEqual({ ...user, version: version + 1 });
      const { block, ...rest } = user;
      const active = { ...rest, status: 'active', roles: ['admin'], version: version + 3 };
      await test.change({ roles: ['admin'] });
      expect(await test.change({ block: null })).toEqual(active);
      expect(block).toMatchObject(SPAM);
    });

    it('of roles ends no session and starts no epoch', async () => {
      const test = await open();
      const { proof, user } = await test.login();
      const outcome = await test.repository.users.change({
        userId: 'ada',
        ifVersion: 'any',
        roles: ['admin'],
      });
      const changed = { ...user, roles: ['admin'], version: user.version + 1 };
      expect(outcome).toEqual({ outcome: 'changed', user: changed, sessions: 0 });
      expect(await test.status(proof)).toBe('live');
    });
  });

  describe('a block', () => {
    it('starts a new epoch, ends every session and counts the live ones', async () => {
      const test = await open();
      const logins = await times(3, () => test.login());
      await test.login({ lifetime: lifetimeOf(20, 20) });
      await test.advance(40);
      await test.repository.revoke('ada', logins[0]!.session.id, 'logout');
      const { version, epoch } = await test.user();
      const outcome = await test.repository.users.change({ userId: 'ada', ifVersion: version, block: SPAM });
      const user = await test.user();
      expect(outcome).toEqual({ outcome: 'changed', user, sessions: 2 });
      const { at } = user.block!;
      expect(user).toMatchObject({ status: 'blocked', block: { ...SPAM, at }, version: version + 1 });
      expect(user.epoch).toBe(epoch + 1);
      expect(at).toBeGreaterThanOrEqual(logins[2]!.session.createdAt + 30);
      expect(await test.statuses(logins)).toEqual(['revoked', 'revoked', 'revoked']);
    });

    it('replaces an older one, and ends no session a second time', async () => {
      const test = await open();
      await test.login();
      const first = await test.change({ block: { ...SPAM, until: Date.UTC(2100, 0) } });
      await test.advance(5);
      const outcome = await test.repository.users.change({
        userId: 'ada',
        ifVersion: first.version,
        block: { reason: 'worse' },
      });
      const user = await test.user();
      expect(outcome).toEqual({ outcome: 'changed', user, sessions: 0 });
      expect(user.block).toEqual({ reason: 'worse', at: user.block!.at });
      expect(user.block!.at).toBeGreaterThan(first.block!.at);
    });

    it('ends by itself at its time; sessions from before it stay dead', async () => {
      const test = await open();
      const { proof, session } = await test.login();
      const until = session.createdAt + 700;
      const blocked = await test.change({ block: { reason: 'cool down', until } });
      expect(blocked).toMatchObject({ status: 'blocked', block: { reason: 'cool down', until } });
      expect((await test.lookUp(proof)).user).toEqual(blocked);
      await test.advance(800);
      const { block, ...rest } = blocked;
      const user = { ...rest, status: 'active' };
      expect(block).toBeDefined();
      expect(await test.user()).toEqual(user);
      expect(await test.lookUp(proof)).toMatchObject({ status: 'revoked', user });
      const again = await test.login({ ifEpoch: blocked.epoch, createUser: false });
      expect((await test.lookUp(again.proof)).user).toEqual(user);
      expect(await test.change({ block: { reason: 'again' } })).toMatchObject({ status: 'blocked' });
      expect(await test.status(again.proof)).toBe('revoked');
    });

    it.each([
      ['control characters', 'a\u0000b\r\n'],
      ['braces, quotes and separators', `{"it's"} \\ |;: `],
      ['many scripts', 'Größe 名前 🙂'],
      ['500 characters', 'x'.repeat(500)],
    ])('keeps its reason and its author: %s', async (_, text) => {
      const test = await open();
      const { block } = await test.change({ block: { reason: text, by: text } });
      expect(block).toEqual({ reason: text, by: text, at: block!.at });
      expect((await test.user()).block).toEqual(block);
    });
  });

  describe('eraseUser', () => {
    it('forgets everything of the user, and counts the live sessions', async () => {
      const test = await open();
      const logins = await times(3, () => test.login());
      const bob = await test.login({ userId: 'bob' });
      await test.repository.revoke('ada', logins[0]!.session.id, 'logout');
      expect(await test.repository.users.erase('ada')).toBe(2);
      expect(await test.repository.users.read('ada')).toBeUndefined();
      expect(await test.repository.list('ada')).toEqual([]);
      expect(await test.statuses([...logins, bob])).toEqual(['unknown', 'unknown', 'unknown', 'live']);
      expect(await test.repository.users.erase('ada')).toBe(0);
      expect(await test.repository.revokeAll('ada')).toEqual({ outcome: 'user_unknown' });
    });
  });
}
