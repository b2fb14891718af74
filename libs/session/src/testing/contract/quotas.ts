import type { QuotaPolicy, UserQuota } from '../../model/quota.js';
import type { ContractTest, OpenContract } from './support.js';
import { forged, times } from './support.js';

const POSTS: QuotaPolicy = { name: 'posts', quota: 5, windowMs: 60_000, burst: 5 };
const BY_USER: UserQuota = { ...POSTS, by: 'user' };
const BY_SESSION: UserQuota = { ...POSTS, name: 'all', quota: 8, burst: 8, by: 'session' };

/** Quotas: those that are consumed with the check, and those that live elsewhere. */
export function describeQuotas(open: OpenContract): void {
  const check = async (
    test: ContractTest,
    proof: Parameters<typeof forged>[0],
    quotas: readonly UserQuota[],
  ) => {
    const lookup = await test.repository.authenticate(proof, { touchIfRoles: [], quotas });
    if (lookup.kind !== 'known') throw new Error(`authenticate answered ${lookup.kind}`);
    return lookup.quotas;
  };

  describe('a quota that is consumed with the check', () => {
    it('lets the burst pass and then no more, and says what is left', async () => {
      const test = await open();
      const { proof } = await test.login();
      for (let left = 4; left >= 0; left--) {
        expect(await check(test, proof, [BY_USER])).toMatchObject([
          { name: 'posts', allowed: true, remaining: left },
        ]);
      }
      const [over] = await check(test, proof, [BY_USER]);
      expect(over).toMatchObject({ ...POSTS, allowed: false, remaining: 0 });
      expect(over?.retryAfterMs).toBeGreaterThan(10_000);
      expect(over?.retryAfterMs).toBeLessThanOrEqual(12_000);
    });

    it('comes back evenly', async () => {
      const test = await open();
      const { proof } = await test.login();
      const fast: UserQuota = { name: 'fast', quota: 10, windowMs: 1_000, burst: 1, by: 'user' };
      expect(await check(test, proof, [fast])).toMatchObject([{ allowed: true }]);
      expect(await check(test, proof, [fast])).toMatchObject([{ allowed: false }]);
      await test.advance(120);
      expect(await check(test, proof, [fast])).toMatchObject([{ allowed: true }]);
    });

    it('is shared by the sessions of a user, or each session has its own', async () => {
      const test = await open();
      const one = await test.login();
      const other = await test.login();
      await check(test, one.proof, [BY_USER, BY_SESSION]);
      expect(await check(test, other.proof, [BY_USER, BY_SESSION])).toMatchObject([
        { remaining: 3 },
        { remaining: 7 },
      ]);
    });

    it('is one of the user whatever its name ends with, and not that of each session', async () => {
      const test = await open();
      const [one, other] = [await test.login(), await test.login()];
      const byUser: UserQuota = { ...POSTS, name: 'posts:', by: 'user' };
      const bySession: UserQuota = { ...POSTS, name: 'posts', by: 'session' };
      await check(test, one.proof, [byUser, bySession]);
      expect(await check(test, other.proof, [byUser, bySession])).toMatchObject([
        { remaining: 3 },
        { remaining: 4 },
      ]);
    });

    it('has nothing left, and not less, where more was consumed than its burst is now', async () => {
      const test = await open();
      const { proof } = await test.login();
      for (let i = 0; i < 5; i++) await check(test, proof, [BY_USER]);
      expect(await check(test, proof, [{ ...BY_USER, burst: 2 }])).toMatchObject([
        { allowed: false, remaining: 0 },
      ]);
    });

    it('may take eight years to come back, and is not there before', async () => {
      const test = await open();
      const { proof, session } = await test.login();
      const rare: UserQuota = { name: 'rare', quota: 1, windowMs: 31 * 86_400_000, burst: 94, by: 'user' };
      const partition = { userId: session.userId };
      await test.repository.quota({ operation: 'consume', policy: rare, partition, cost: 93 });
      const [last] = await check(test, proof, [rare]);
      expect(last).toMatchObject({ allowed: true, remaining: 0 });
      expect(last?.resetMs).toBeGreaterThan(93 * rare.windowMs);
      expect(await check(test, proof, [rare])).toMatchObject([{ allowed: false, remaining: 0 }]);
    });

    it('is consumed together with the others of the request, or none is', async () => {
      const test = await open();
      const { proof } = await test.login();
      for (let i = 0; i < 5; i++) await check(test, proof, [BY_USER]);
      for (const quotas of [
        [BY_SESSION, BY_USER],
        [BY_USER, BY_SESSION],
      ]) {
        const results = await check(test, proof, quotas);
        expect(results.map(({ name }) => name)).toEqual(quotas.map(({ name }) => name));
        expect(new Set(results.map(({ allowed, remaining }) => `${allowed} ${remaining}`))).toEqual(
          new Set(['true 8', 'false 0']),
        );
      }
    });

    it('goes with its user', async () => {
      const test = await open();
      const { proof } = await test.login();
      for (let i = 0; i < 5; i++) await check(test, proof, [BY_USER, BY_SESSION]);
      await test.repository.users.erase('ada');
      const again = await test.login();
      expect(await check(test, again.proof, [BY_USER])).toMatchObject([{ allowed: true, remaining: 4 }]);
    });

    it('is not consumed before the secret was right, nor by a session that has ended or a user who is blocked', async () => {
      const test = await open();
      const { proof, session } = await test.login();
      const { proof: blocked } = await test.login({ userId: 'bob' });
      await test.change({ userId: 'bob', block: { reason: 'spam' } });
      const demand = { touchIfRoles: [], quotas: [BY_USER] };
      expect(await test.repository.authenticate(forged(proof), demand)).toEqual({ kind: 'unknown' });
      expect(await check(test, blocked, [BY_USER])).toEqual([]);
      expect(await check(test, proof, [BY_USER])).toMatchObject([{ remaining: 4 }]);
      await test.repository.revoke('ada', session.id, 'logout');
      expect(await check(test, proof, [BY_USER])).toEqual([]);
    });

    it('is consumed again when a block has run out', async () => {
      const test = await open({ touchIntervalMs: 1 });
      const before = await test.login();
      const { now } = await test.lookUp(before.proof);
      await test.change({ block: { reason: 'spam', until: now + 60 } });
      await test.advance(100);
      const { proof, session } = await test.login();
      await test.advance(10);
      expect(await check(test, proof, [BY_USER])).toMatchObject([{ remaining: 4 }]);
      expect((await test.lookUp(proof)).session.lastSeenAt).toBeGreaterThan(session.lastSeenAt);
    });

    it('is exact under 50 parallel requests', async () => {
      const test = await open();
      const { proof } = await test.login();
      const results = await times(50, () => check(test, proof, [BY_USER]));
      expect(results.filter(([quota]) => quota?.allowed)).toHaveLength(5);
    });
  });

  describe('a quota that lives elsewhere', () => {
    const ask = (
      test: ContractTest,
      operation: 'consume' | 'peek' | 'refund' | 'reset',
      key = 'a',
      cost = 1,
    ) => test.repository.quota({ operation, policy: POSTS, partition: { key }, cost });

    it('is consumed, looked at, given back and made whole', async () => {
      const test = await open();
      expect(await ask(test, 'peek')).toMatchObject({ allowed: true, remaining: 5, resetMs: 0 });
      expect(await ask(test, 'consume', 'a', 3)).toMatchObject({ allowed: true, remaining: 2 });
      expect(await ask(test, 'consume', 'a', 3)).toMatchObject({ allowed: false, remaining: 2 });
      expect(await ask(test, 'consume', 'b')).toMatchObject({ allowed: true, remaining: 4 });
      expect(await ask(test, 'refund', 'a', 2)).toMatchObject({ remaining: 4 });
      expect(await ask(test, 'refund', 'a', 4)).toMatchObject({ remaining: 5 });
      await ask(test, 'consume', 'a', 5);
      expect(await ask(test, 'reset')).toMatchObject({ remaining: 5 });
    });

    it('gives back by receipt once, and only what was taken', async () => {
      const test = await open();
      const apply = (operation: 'consume' | 'refund', name: string, cost = 1) => {
        const receipt = { name, termMs: 60_000 };
        return test.repository.quota({ operation, policy: POSTS, partition: { key: 'a' }, cost, receipt });
      };
      await ask(test, 'consume', 'a', 1);
      expect(await apply('consume', 'receipt1', 3)).toMatchObject({ allowed: true, remaining: 1 });
      expect(await apply('consume', 'receipt2', 3)).toMatchObject({ allowed: false, remaining: 1 });
      expect(await apply('refund', 'receipt2', 3)).toMatchObject({ allowed: false, remaining: 1 });
      expect(await apply('refund', 'receipt1')).toMatchObject({ allowed: true, remaining: 4 });
      expect(await apply('refund', 'receipt1')).toMatchObject({ allowed: false, remaining: 4 });
      await apply('consume', 'receipt3');
      await ask(test, 'reset');
      expect(await apply('refund', 'receipt3')).toMatchObject({ allowed: false, remaining: 5 });
    });

    it('never lets more than its burst through, however large the cost', async () => {
      const test = await open();
      expect(await ask(test, 'consume', 'a', 6)).toMatchObject({ allowed: false, remaining: 5 });
    });

    it('reaches the quota of a user, too', async () => {
      const test = await open();
      const { proof } = await test.login();
      await check(test, proof, [BY_USER]);
      const partition = { userId: 'ada' };
      expect(
        await test.repository.quota({ operation: 'refund', policy: POSTS, partition, cost: 1 }),
      ).toMatchObject({
        remaining: 5,
      });
      expect(await check(test, proof, [BY_USER])).toMatchObject([{ remaining: 4 }]);
    });

    it('is exact under 50 parallel consumers, whatever is in the partition key', async () => {
      const test = await open();
      for (const key of ['plain', '{x}', 'a\u0000b', '🙂'.repeat(100)]) {
        const results = await times(50, () => ask(test, 'consume', key));
        expect(results.filter(({ allowed }) => allowed)).toHaveLength(5);
      }
    });
  });
}
