import type { ContractTest, OpenContract } from './support.js';

const SPAM = { reason: 'spam', by: 'mia' };

/** What a change that the app made in its own database may do, by the version that the app gave it. */
export function describeSourceVersions(open: OpenContract): void {
  describe("the app's own version of a user", () => {
    const push = (test: ContractTest, change: Parameters<ContractTest['change']>[0]) =>
      test.repository.users.change({ userId: 'ada', ifVersion: 'any', ...change });

    it('takes all when it is newer, or the first', async () => {
      const test = await open();
      await test.change({ roles: ['user'], block: SPAM });
      const first = await test.change({ roles: ['admin'], block: null, sourceVersion: 0 });
      expect(first).toMatchObject({ status: 'active', roles: ['admin'], sourceVersion: 0 });
      await test.change({ block: SPAM, sourceVersion: 1 });
      const newer = await test.change({ roles: ['editor'], block: null, sourceVersion: 7 });
      expect(newer).toMatchObject({ status: 'active', roles: ['editor'], sourceVersion: 7 });
    });

    it('changes nothing when it is older', async () => {
      const test = await open();
      await test.change({ roles: ['user'], block: SPAM, sourceVersion: 7 });
      const user = await test.user();
      const outdated = await push(test, { roles: [], block: null, sourceVersion: 6 });
      expect(outdated).toEqual({ outcome: 'outdated', user });
      expect(await push(test, { block: { reason: 'worse' }, sourceVersion: 6 })).toEqual(outdated);
      expect(await test.user()).toEqual(user);
    });

    it('only tightens when it is the same: roles go and a block comes, never the other way round', async () => {
      const test = await open();
      await test.change({ roles: ['editor', 'user'], sourceVersion: 7 });
      const { proof } = await test.login();
      const tighter = await test.change({ roles: ['admin', 'user'], block: null, sourceVersion: 7 });
      expect(tighter).toMatchObject({ status: 'active', roles: ['user'], sourceVersion: 7 });
      expect(await test.status(proof)).toBe('live');
      const blocked = await push(test, { block: SPAM, sourceVersion: 7 });
      expect(blocked).toMatchObject({ sessions: 1, user: { status: 'blocked', roles: ['user'] } });
      expect(await test.status(proof)).toBe('revoked');
      const still = await test.change({ roles: ['admin', 'user'], block: null, sourceVersion: 7 });
      expect(still).toMatchObject({ status: 'blocked', block: SPAM, roles: ['user'] });
    });

    it('cannot shorten a block that holds when it is the same', async () => {
      const test = await open();
      const { block } = await test.change({ block: SPAM, sourceVersion: 7 });
      const until = block!.at + 1;
      const same = await test.change({ block: { reason: 'less', until }, sourceVersion: 7 });
      expect(same.block).toEqual(block);
    });

    it('can lengthen a block that holds when it is the same', async () => {
      const test = await open();
      const { block } = await test.change({ block: SPAM, sourceVersion: 6 });
      const until = block!.at + 60_000;
      await test.change({ block: { ...SPAM, until }, sourceVersion: 7 });
      const longer = await test.change({ block: { reason: 'worse' }, sourceVersion: 7 });
      expect(longer.block).toMatchObject({ reason: 'worse' });
      expect(longer.block?.until).toBeUndefined();
    });

    it('with a block whose end has passed has none; an act with one is refused', async () => {
      const test = await open();
      await test.change({ block: SPAM, sourceVersion: 7 });
      const past = { reason: 'long ago', until: 1 };
      const { version } = await test.user();
      const act = await test.repository.users.change({ userId: 'ada', ifVersion: version, block: past });
      expect(act).toEqual({ outcome: 'block_in_past' });
      expect((await test.user()).status).toBe('blocked');
      expect((await test.change({ block: past, sourceVersion: 8 })).status).toBe('active');
    });

    it('does not bind changes that name none', async () => {
      const test = await open();
      await test.change({ block: SPAM, sourceVersion: 7 });
      const user = await test.change({ roles: ['admin'], block: null });
      expect(user).toMatchObject({ status: 'active', roles: ['admin'], sourceVersion: 7 });
    });

    it('is told apart up to the largest safe integer', async () => {
      const test = await open();
      const sourceVersion = Number.MAX_SAFE_INTEGER;
      expect((await test.change({ sourceVersion })).sourceVersion).toBe(sourceVersion);
      expect(await push(test, { sourceVersion: sourceVersion - 1 })).toMatchObject({ outcome: 'outdated' });
      expect(await push(test, { sourceVersion })).toMatchObject({ outcome: 'changed' });
    });
  });
}
