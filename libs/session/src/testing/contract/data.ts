import type { ContractTest, OpenContract } from './support.js';
import { count, forged, lifetimeOf, newSession, times } from './support.js';
import { loginWithRefresh, present, refreshed } from './refresh-support.js';
import type { TokenProof } from '../../storage/contract/session-repository.js';

const REFUSED = { outcome: 'refused' };
const NONE = { version: 0, payload: Buffer.alloc(0) };
/** Neither JSON nor text: a repository does not look into it. */
const BYTES = Buffer.from([0, 255, 123, 10, 0, 195, 40]);

function write(
  test: ContractTest,
  proof: TokenProof,
  ifVersion: number,
  payload: Buffer | string,
  isSameContent = false,
) {
  return test.repository.data.write({ proof, ifVersion, payload: Buffer.from(payload), isSameContent });
}

/** A write that is expected to happen. @returns the new version */
async function written(
  test: ContractTest,
  proof: TokenProof,
  payload: Buffer | string = '{"a":1}',
): Promise<number> {
  const version = (await test.repository.data.read(proof))?.version ?? 0;
  const outcome = await write(test, proof, version, payload);
  if (outcome.outcome !== 'written') throw new Error(`write answered ${outcome.outcome}`);
  return outcome.version;
}

async function withCheck(test: ContractTest, proof: TokenProof) {
  const lookup = await test.repository.authenticate(proof, { touchIfRoles: [], quotas: [], withData: true });
  return lookup.kind === 'known' ? lookup.data : undefined;
}

/** Ways in which a session ends: what may read and write no more. */
const ENDS: Readonly<Record<string, (test: ContractTest, proof: TokenProof) => Promise<unknown>>> = {
  'a logout': (test, { sessionId }) => test.repository.revoke('ada', sessionId, 'logout'),
  'a revocation of all': (test) => test.repository.revokeAll('ada'),
  'a block': (test) => test.change({ block: { reason: 'spam' } }),
  'a block that was lifted': async (test) => {
    await test.change({ block: { reason: 'spam' } });
    await test.change({ block: null });
  },
  'an eviction': async (test) => {
    await test.advance(5); // of two of the same instant, the ID decides which is older
    await times(2, () => test.login());
  },
  'an erasure': (test) => test.repository.users.erase('ada'),
  'an erasure and a new record': async (test) => {
    await test.repository.users.erase('ada');
    await test.login();
  },
  'a new token': (test, proof) => test.replaced(proof),
};

/** What an app keeps in a session. */
export function describeData(open: OpenContract): void {
  describe('session data', () => {
    it('is none until somebody writes it, and bytes that come back as they were', async () => {
      const test = await open();
      const { proof } = await test.login();
      expect(await test.repository.data.read(proof)).toEqual(NONE);
      expect(await withCheck(test, proof)).toEqual(NONE);
      const first = await written(test, proof, BYTES);
      expect(first).toBeGreaterThan(0);
      expect(await test.repository.data.read(proof)).toEqual({ version: first, payload: BYTES });
      const second = await written(test, proof, '');
      expect(second).toBeGreaterThan(first);
      expect(await test.repository.data.read(proof)).toEqual({ version: second, payload: NONE.payload });
    });

    it('may begin with the session', async () => {
      const test = await open();
      const { proof } = await test.login({ data: BYTES });
      const begun = await test.repository.data.read(proof);
      expect(begun?.payload).toEqual(BYTES);
      expect(await write(test, proof, 0, 'x')).toEqual({ outcome: 'version_conflict', current: begun });
    });

    it('comes with the check only where it is asked for', async () => {
      const test = await open();
      const { proof } = await test.login({ data: BYTES });
      expect((await test.lookUp(proof)).data).toBeUndefined();
      expect(await withCheck(test, proof)).toEqual(await test.repository.data.read(proof));
      expect(await withCheck(test, forged(proof))).toBeUndefined();
    });

    it('is written only over the version that the writer knows', async () => {
      const test = await open();
      const { proof } = await test.login();
      const version = await written(test, proof, 'one');
      const current = { version, payload: Buffer.from('one') };
      for (const stale of [0, version - 1, version + 1]) {
        expect(await write(test, proof, stale, 'two')).toEqual({ outcome: 'version_conflict', current });
      }
      expect(await test.repository.data.read(proof)).toEqual(current);
    });

    it('of the same content, sealed anew, keeps its version', async () => {
      const test = await open();
      const { proof } = await test.login();
      const version = await written(test, proof, 'one');
      expect(await write(test, proof, version - 1, 'anew', true)).toMatchObject({
        outcome: 'version_conflict',
      });
      expect(await write(test, proof, version, 'anew', true)).toEqual({ outcome: 'written', version });
      expect(await test.repository.data.read(proof)).toEqual({ version, payload: Buffer.from('anew') });
    });

    it('has one winner among parallel writers of one version', async () => {
      const test = await open();
      const { proof } = await test.login();
      const outcomes = await times(20, (i) => write(test, proof, 0, `writer ${i}`));
      expect([count(outcomes, 'written'), count(outcomes, 'version_conflict')]).toEqual([1, 19]);
      const winner = outcomes.findIndex(({ outcome }) => outcome === 'written');
      expect((await test.repository.data.read(proof))?.payload.toString()).toBe(`writer ${winner}`);
    });

    it('is of its session alone', async () => {
      const test = await open();
      const [one, two] = [await test.login(), await test.login()];
      const bob = await test.login({ userId: 'bob' });
      await written(test, one.proof, 'one');
      await written(test, bob.proof, 'bob');
      expect(await test.repository.data.read(two.proof)).toEqual(NONE);
      await test.repository.revoke('ada', two.session.id, 'logout');
      await test.login();
      expect((await test.repository.data.read(one.proof))?.payload.toString()).toBe('one');
      expect((await test.repository.data.read(bob.proof))?.payload.toString()).toBe('bob');
    });

    it('is neither told to nor taken from who cannot show the secret', async () => {
      const test = await open();
      const { proof } = await test.login();
      const bob = await test.login({ userId: 'bob' });
      const version = await written(test, proof, 'mine');
      const strangers = [forged(proof), { ...bob.proof, sessionId: proof.sessionId }, newSession().proof];
      for (const stranger of strangers) {
        expect(await test.repository.data.read(stranger)).toBeUndefined();
        expect(await write(test, stranger, version, 'theirs')).toEqual(REFUSED);
        expect(await write(test, stranger, 0, 'theirs')).toEqual(REFUSED);
      }
      expect((await test.repository.data.read(proof))?.payload.toString()).toBe('mine');
    });

    it.each(Object.entries(ENDS))('cannot be read or written after %s', async (_name, end) => {
      const test = await open({ maxSessionsPerUser: 2 });
      const { proof } = await test.login();
      const version = await written(test, proof);
      await end(test, proof);
      expect(await test.repository.data.read(proof)).toBeUndefined();
      expect(await withCheck(test, proof)).toBeUndefined();
      expect(await write(test, proof, version, 'late')).toEqual(REFUSED);
      expect(await write(test, proof, version, 'late', true)).toEqual(REFUSED);
      expect(await write(test, proof, 0, 'late')).toEqual(REFUSED);
    });

    it('cannot be read or written after a timeout', async () => {
      const test = await open();
      const { proof } = await test.login({ lifetime: lifetimeOf(30, 30), data: BYTES });
      await test.advance(60);
      expect(await test.repository.data.read(proof)).toBeUndefined();
      expect(await write(test, proof, 0, 'late')).toEqual(REFUSED);
      expect(await withCheck(test, proof)).toBeUndefined();
    });

    it('may be had with the access token before the last refresh, for its grace and no longer', async () => {
      const test = await open();
      const { proof, refresh } = await loginWithRefresh(test);
      await written(test, proof, 'one');
      const pair = await refreshed(test, refresh, { graceMs: 200 });
      const version = await written(test, proof, 'two');
      expect((await test.repository.data.read(pair.proof))?.payload.toString()).toBe('two');
      await test.advance(250);
      expect(await test.repository.data.read(proof)).toBeUndefined();
      expect(await write(test, proof, version, 'late')).toEqual(REFUSED);
      await written(test, pair.proof, 'three');
      expect((await present(test, refresh)).what).toBe('reused');
      expect(await test.repository.data.read(pair.proof)).toBeUndefined();
      expect(await write(test, pair.proof, 0, 'late')).toEqual(REFUSED);
    });

    it('survives a new token and its owner logging out the others', async () => {
      const test = await open();
      const mine = await test.login({ lifetime: lifetimeOf(400, 400) });
      const other = await test.login();
      await written(test, mine.proof, 'kept');
      await written(test, other.proof, 'not kept');
      await test.repository.revokeAll('ada', mine.proof);
      await test.advance(200);
      const { proof } = await test.replaced(mine.proof, { revokeOthers: true, reauthenticated: true });
      await test.login();
      await test.advance(300); // past the end that the session had when the data was written
      expect((await test.repository.data.read(proof))?.payload.toString()).toBe('kept');
      expect(await test.repository.data.read(other.proof)).toBeUndefined();
    });

    it('never comes back by a write that races with an end', async () => {
      const test = await open();
      for (const end of ['a logout', 'a revocation of all', 'a block that was lifted', 'an erasure']) {
        const { proof } = await test.login();
        const version = await written(test, proof);
        const [outcomes] = await Promise.all([
          times(10, (i) => write(test, proof, version, `writer ${i}`)),
          ENDS[end]?.(test, proof),
        ]);
        expect(count(outcomes, 'written')).toBeLessThanOrEqual(1);
        expect(await test.repository.data.read(proof)).toBeUndefined();
        expect(await withCheck(test, proof)).toBeUndefined();
        await test.login();
        expect(await write(test, proof, 0, 'late')).toEqual(REFUSED);
      }
    });
  });
}
