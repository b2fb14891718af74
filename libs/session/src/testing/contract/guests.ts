import { newGuestId } from '../../token/session-token.js';
import { type ContractTest, count, forged, hear, lifetimeOf, type OpenContract, times } from './support.js';

const HOUR_MS = 3_600_000;

function begin(test: ContractTest, given: { readonly data?: Buffer; readonly forMs?: number } = {}) {
  const { data = Buffer.from('{"cart":["tea"]}'), forMs = HOUR_MS } = given;
  const lifetime = lifetimeOf(0, forMs);
  return test.login({ userId: newGuestId(), isGuest: true, lifetime, data });
}

/** Sessions before login, and how one login takes one over. */
export function describeGuests(open: OpenContract): void {
  describe('a guest', () => {
    it('has a session that says so, of a user that is its own and has no roles', async () => {
      const test = await open();
      const [one, other] = await times(2, () => begin(test));
      expect(one?.session).toMatchObject({ isGuest: true, userId: one?.user.id });
      expect(one?.user).toMatchObject({ roles: [], status: 'active' });
      expect(one?.user.id).not.toBe(other?.user.id);
      const found = await test.lookUp(one!.proof);
      expect(found.session).toEqual(one?.session);
      const [listed] = await test.repository.list(one!.user.id);
      expect(listed).toEqual(one?.session);
      expect((await test.login()).session).not.toHaveProperty('isGuest');
    });

    it('is never loaded from an app’s database, however old the record', async () => {
      const test = await open({ maxStateAgeMs: 10 });
      const { proof } = await begin(test);
      await test.advance(30);
      expect(await test.status(proof)).toBe('live');
    });

    it('leaves nothing when its absolute timeout has passed', async () => {
      const test = await open();
      const { proof, user } = await begin(test, { forMs: 40 });
      await test.advance(20);
      expect(await test.status(proof)).toBe('live');
      await test.advance(40);
      expect(await test.status(proof)).toBe('unknown');
      expect(await test.repository.data.read(proof)).toBeUndefined();
      expect(await test.repository.users.read(user.id)).toBeUndefined();
      expect(await test.repository.list(user.id)).toEqual([]);
    });

    it('is announced to nobody when it begins, and when it ends to those who watch over connections', async () => {
      const test = await open();
      const heard = await hear(test);
      const { proof, user } = await begin(test);
      await test.repository.data.end({ proof, ifVersion: (await test.repository.data.read(proof))!.version });
      await test.login();
      const deadline = Date.now() + 2_000;
      while (heard.length < 2 && Date.now() < deadline) await new Promise((go) => setTimeout(go, 5));
      expect(heard).toMatchObject([
        { name: 'session.revoked', userId: user.id, sessionId: proof.sessionId },
        { name: 'session.created', userId: 'ada' },
      ]);
    });
  });

  describe('ending a session for its data', () => {
    it('ends it for one of all who ask, and takes its data away', async () => {
      const test = await open();
      const { proof } = await begin(test);
      const data = (await test.repository.data.read(proof))!;
      const ends = await times(20, () => test.repository.data.end({ proof, ifVersion: data.version }));
      expect([count(ends, 'ended'), count(ends, 'refused')]).toEqual([1, 19]);
      expect(await test.status(proof)).toBe('revoked');
      expect(await test.repository.data.read(proof)).toBeUndefined();
    });

    it('leaves it alone when its data is of another version, and tells what that is', async () => {
      const test = await open();
      const { proof } = await begin(test);
      const { version } = (await test.repository.data.read(proof))!;
      const payload = Buffer.from('{"cart":["tea","milk"]}');
      await test.repository.data.write({ proof, ifVersion: version, payload, isSameContent: false });
      const ended = await test.repository.data.end({ proof, ifVersion: version });
      expect(ended).toMatchObject({ outcome: 'version_conflict', current: { payload } });
      expect(await test.status(proof)).toBe('live');
      const { current } = ended as Extract<typeof ended, { outcome: 'version_conflict' }>;
      expect(await test.repository.data.end({ proof, ifVersion: current.version })).toEqual({
        outcome: 'ended',
      });
    });

    it('takes version 0 for none, and the secret', async () => {
      const test = await open();
      const { proof } = await test.login();
      expect(await test.repository.data.end({ proof: forged(proof), ifVersion: 0 })).toEqual({
        outcome: 'refused',
      });
      expect(await test.status(proof)).toBe('live');
      expect(await test.repository.data.end({ proof, ifVersion: 0 })).toEqual({ outcome: 'ended' });
      expect(await test.status(proof)).toBe('revoked');
    });
  });
}
