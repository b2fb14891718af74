import type { OpenContract } from './support.js';
import { demand, forged, newSession } from './support.js';

const SPAM = { reason: 'spam' };

/** Records that are loaded from the app's own database: which answers are taken, and when one is asked for. */
export function describeLoads(open: OpenContract): void {
  describe('a load', () => {
    it('makes the record of a user who has none', async () => {
      const test = await open();
      expect(await test.load({ roles: ['user'], block: SPAM, sourceVersion: 6 })).toBe(true);
      const user = await test.user();
      expect(user).toMatchObject({ id: 'ada', status: 'blocked', roles: ['user'], sourceVersion: 6 });
      expect(user.block).toEqual({ ...SPAM, at: user.block!.at });
      expect(await test.load({ userId: 'bob' })).toBe(true);
      const { version, epoch } = await test.user('bob');
      expect(await test.user('bob')).toEqual({ id: 'bob', status: 'active', roles: [], version, epoch });
    });

    it('is taken once, and joined by whoever comes while it is under way', async () => {
      const test = await open();
      const { repository } = test;
      const loaded = { userId: 'ada', roles: ['user'] };
      expect(await repository.users.finishLoad(loaded, 'one')).toBe(false);
      expect(await repository.users.beginLoad('ada', 'one')).toBe('one');
      expect(await repository.users.beginLoad('ada', 'two')).toBe('one');
      expect(await repository.users.beginLoad('bob', 'two')).toBe('two');
      expect(await repository.users.finishLoad(loaded, 'two')).toBe(false);
      expect(await repository.users.read('ada')).toBeUndefined();
      expect(await repository.users.finishLoad(loaded, 'one')).toBe(true);
      expect(await repository.users.finishLoad(loaded, 'one')).toBe(false);
      expect(await repository.users.finishLoad({ ...loaded, userId: 'bob' }, 'two')).toBe(true);
      // With a record, too.
      expect(await repository.users.beginLoad('ada', 'three')).toBe('three');
      expect(await repository.users.beginLoad('ada', 'four')).toBe('three');
    });

    it('with a block whose end has passed brings none', async () => {
      const test = await open();
      await test.load({ roles: ['user'], block: { reason: 'long ago', until: 1 }, sourceVersion: 1 });
      expect(await test.user()).toMatchObject({ status: 'active' });
      const { proof } = await test.login();
      const { version, epoch } = await test.user();
      await test.load({ roles: ['user'], block: { reason: 'long ago', until: 1 }, sourceVersion: 1 });
      expect(await test.user()).toMatchObject({ version, epoch });
      expect(await test.status(proof)).toBe('live');
    });

    it('that is slow never overwrites what was changed meanwhile, nor brings back whom was erased', async () => {
      const test = await open();
      const { repository } = test;
      const stale = { userId: 'ada', roles: ['admin'], sourceVersion: 6 };
      await repository.users.beginLoad('ada', 'slow');
      await test.change({ roles: ['user'], block: SPAM, sourceVersion: 7 });
      expect(await repository.users.finishLoad(stale, 'slow')).toBe(false);
      expect(await test.user()).toMatchObject({ status: 'blocked', roles: ['user'], sourceVersion: 7 });

      await repository.users.beginLoad('ada', 'slow');
      const blocked = await test.change({ block: SPAM, ifVersion: (await test.user()).version });
      expect(await repository.users.finishLoad({ ...stale, sourceVersion: 8 }, 'slow')).toBe(false);
      expect(await test.user()).toEqual(blocked);

      await repository.users.beginLoad('ada', 'slow');
      await repository.users.erase('ada');
      expect(await repository.users.finishLoad(stale, 'slow')).toBe(false);
      expect(await repository.users.read('ada')).toBeUndefined();

      await repository.users.beginLoad('ada', 'slow');
      await test.makeUser();
      await repository.users.erase('ada');
      expect(await repository.users.finishLoad(stale, 'slow')).toBe(false);
      expect(await repository.users.read('ada')).toBeUndefined();
    });

    it('is not made void by a change that was refused', async () => {
      const test = await open();
      await test.change({ roles: ['user'], sourceVersion: 7 });
      await test.repository.users.beginLoad('ada', 'nonce');
      await test.repository.users.change({ userId: 'ada', ifVersion: 1, roles: [] });
      await test.repository.users.change({ userId: 'ada', ifVersion: 'any', roles: [], sourceVersion: 6 });
      const loaded = { userId: 'ada', roles: ['user'], sourceVersion: 7 };
      expect(await test.repository.users.finishLoad(loaded, 'nonce')).toBe(true);
    });

    it('of a newer version takes all, a block and its absence too', async () => {
      const test = await open();
      await test.change({ roles: ['user'], block: SPAM, sourceVersion: 7 });
      const { version, epoch } = await test.user();
      await test.load({ roles: ['admin'], sourceVersion: 8 });
      expect(await test.user()).toEqual({
        id: 'ada',
        status: 'active',
        roles: ['admin'],
        version: version + 1,
        epoch,
        sourceVersion: 8,
      });
    });

    it('of an older version, the same, or none never loosens', async () => {
      const test = await open();
      await test.change({ roles: ['editor', 'user'], block: SPAM, sourceVersion: 7 });
      const user = await test.user();
      expect(await test.load({ roles: ['user'], sourceVersion: 6 })).toBe(true);
      expect(await test.user()).toEqual(user);
      for (const version of [{}, { sourceVersion: 7 }]) {
        await test.load({ roles: ['admin', 'editor', 'user'], ...version });
        expect(await test.user()).toEqual(user);
      }
      await test.load({ roles: ['admin', 'user'] });
      expect(await test.user()).toEqual({ ...user, roles: ['user'], version: user.version + 1 });
      await test.load({ roles: [], sourceVersion: 7 });
      expect(await test.user()).toEqual({ ...user, roles: [], version: user.version + 2 });
    });

    it('of any version is the first to count for a record that has none', async () => {
      const test = await open();
      await test.change({ roles: ['user'], block: SPAM });
      await test.load({ roles: ['admin'] });
      expect(await test.user()).toMatchObject({ status: 'blocked', roles: [] });
      await test.load({ roles: ['admin'], sourceVersion: 0 });
      expect(await test.user()).toMatchObject({ status: 'active', roles: ['admin'], sourceVersion: 0 });
    });

    it('with a block that is new ends the sessions; with one that holds already changes nothing', async () => {
      const test = await open();
      const { proof, user } = await test.login();
      await test.load({ block: SPAM });
      const blocked = await test.user();
      expect(blocked).toMatchObject({ status: 'blocked', epoch: user.epoch + 1, version: user.version + 1 });
      expect(await test.status(proof)).toBe('revoked');
      await test.load({ block: { reason: 'less', until: blocked.block!.at + 1 } });
      expect(await test.user()).toEqual(blocked);
    });

    it('that brings nothing new leaves the version as it is', async () => {
      const test = await open();
      await test.load({ roles: ['admin', 'user'], sourceVersion: 7 });
      const user = await test.user();
      await test.load({ roles: ['admin', 'user'], sourceVersion: 7 });
      expect(await test.user()).toEqual(user);
    });
  });

  describe('a record that must not be too old', () => {
    it('is asked for before anything is told of the user, but only with the right secret', async () => {
      const test = await open({ maxStateAgeMs: 500 });
      await test.load({ roles: ['user'], sourceVersion: 1 });
      const { proof, session } = await test.login({ createUser: false });
      expect(await test.status(proof)).toBe('live');
      await test.advance(600);
      expect(await test.repository.users.read('ada')).toBeUndefined();
      expect(await test.repository.authenticate(proof, demand([]))).toEqual({ kind: 'load', userId: 'ada' });
      expect(await test.repository.authenticate(forged(proof), demand([]))).toEqual({ kind: 'unknown' });
      const { session: another } = newSession({ createUser: false });
      expect(await test.repository.create(another)).toEqual({ outcome: 'user_unknown' });

      await test.load({ roles: ['user'], sourceVersion: 1 });
      expect(await test.lookUp(proof)).toMatchObject({ status: 'live', session, user: { roles: ['user'] } });
      expect(await test.user()).toMatchObject({ roles: ['user'] });
    });

    it('is fresh again after a load of whatever version, and after a push, not after an act of this side', async () => {
      const test = await open({ maxStateAgeMs: 500 });
      const made = await test.change({ roles: ['user'], sourceVersion: 7 });
      await test.advance(600);
      const act = { userId: 'ada', ifVersion: made.version, roles: [] };
      expect(await test.repository.users.change(act)).toMatchObject({ outcome: 'changed' });
      expect(await test.repository.users.read('ada')).toBeUndefined();
      await test.load({ roles: ['admin'], sourceVersion: 6 });
      expect(await test.user()).toMatchObject({ roles: [], sourceVersion: 7 });
      await test.advance(600);
      expect(await test.repository.users.read('ada')).toBeUndefined();
      await test.change({ roles: ['editor'], sourceVersion: 8 });
      expect(await test.repository.users.read('ada')).toBeUndefined(); // that was a part of what the app knows
      await test.change({ roles: ['editor'], block: null, sourceVersion: 8, isWhole: true });
      expect(await test.user()).toMatchObject({ roles: ['editor'], sourceVersion: 8 });
    });

    it('is there all the same: acts reach it, and it is not made anew', async () => {
      const test = await open({ maxStateAgeMs: 300 });
      await test.load({ roles: ['user'] });
      const { proof, session } = await test.login({ createUser: false });
      const other = await test.login({ createUser: false });
      await test.advance(400);
      const conflict = await test.repository.users.change({ userId: 'ada', ifVersion: 'absent' });
      expect(conflict).toMatchObject({ outcome: 'version_conflict', user: { roles: ['user'] } });
      expect(await test.repository.list('ada')).toHaveLength(2);
      expect(await test.repository.revoke('ada', session.id, 'logout')).toBe(true);
      const replaced = await test.replaced(other.proof, { revokeOthers: true });
      expect(replaced).toMatchObject({ revoked: 0 });
      expect(await test.repository.revokeAll('ada')).toMatchObject({ outcome: 'revoked', sessions: 1 });
      await test.load({ roles: ['user'] });
      expect(await test.status(proof)).toBe('revoked');
    });

    it('never is with an age of Infinity', async () => {
      const test = await open({ maxStateAgeMs: Infinity });
      await test.load({ roles: ['user'] });
      const { proof } = await test.login({ createUser: false });
      await test.advance(20);
      expect(await test.status(proof)).toBe('live');
      expect(await test.user()).toMatchObject({ roles: ['user'] });
    });
  });
}
