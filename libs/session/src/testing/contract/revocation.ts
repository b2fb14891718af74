import type { OpenContract } from './support.js';
import { count, forged, lifetimeOf, newSession, times } from './support.js';

const REFUSED = { outcome: 'refused' };

/** Ending one session or all of them, and putting a new token in the place of an old one. */
export function describeRevocation(open: OpenContract): void {
  describe('revoke', () => {
    it('ends one live session of this user, once', async () => {
      const test = await open();
      const [one, two] = [await test.login(), await test.login()];
      expect(await test.repository.revoke('bob', one.session.id, 'revoked')).toBe(false);
      expect(await test.repository.revoke('ada', newSession().proof.sessionId, 'revoked')).toBe(false);
      expect(await test.statuses([one, two])).toEqual(['live', 'live']);
      expect(await test.repository.revoke('ada', one.session.id, 'revoked')).toBe(true);
      expect(await test.repository.revoke('ada', one.session.id, 'logout')).toBe(false);
      expect(await test.statuses([one, two])).toEqual(['revoked', 'live']);
    });

    it('does nothing to the user', async () => {
      const test = await open();
      const { session, user } = await test.login();
      await test.repository.revoke('ada', session.id, 'logout');
      expect(await test.user()).toEqual(user);
    });

    it('ends a session exactly once under parallel attempts', async () => {
      const test = await open();
      const { session } = await test.login();
      const outcomes = await times(20, () => test.repository.revoke('ada', session.id, 'revoked'));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
    });
  });

  describe('revokeAll', () => {
    it('ends every session by a new epoch, and counts the live ones', async () => {
      const test = await open();
      const logins = await times(3, () => test.login());
      const bob = await test.login({ userId: 'bob' });
      await test.login({ lifetime: lifetimeOf(20, 20) });
      await test.advance(40);
      await test.repository.revoke('ada', logins[0]!.session.id, 'logout');
      const { version, epoch } = await test.user();
      expect(await test.repository.revokeAll('ada')).toEqual({
        outcome: 'revoked',
        version: version + 1,
        epoch: epoch + 1,
        sessions: 2,
      });
      expect(await test.user()).toMatchObject({ version: version + 1, epoch: epoch + 1, status: 'active' });
      expect(await test.statuses([...logins, bob])).toEqual(['revoked', 'revoked', 'revoked', 'live']);
      expect((await test.login()).session.id).toBe((await test.repository.list('ada'))[0]?.id);
    });

    it('does not know a user who has no record', async () => {
      const test = await open();
      expect(await test.repository.revokeAll('nobody')).toEqual({ outcome: 'user_unknown' });
    });

    it('takes along the session of `except`, with its token and its times', async () => {
      const test = await open();
      const [mine, other] = [await test.login(), await test.login()];
      expect(await test.repository.revokeAll('ada', mine.proof)).toMatchObject({ sessions: 1 });
      expect(await test.statuses([mine, other])).toEqual(['live', 'revoked']);
      expect((await test.lookUp(mine.proof)).session).toEqual(mine.session);
      expect(await test.repository.list('ada')).toEqual([mine.session]);
    });

    it('is refused and changes nothing when `except` may not act', async () => {
      const test = await open();
      const bystander = await test.login();
      const before = await test.user();
      const ended = await test.login();
      await test.repository.revoke('ada', ended.session.id, 'logout');
      const timedOut = await test.login({ lifetime: lifetimeOf(20, 20) });
      await test.advance(40);
      const replaced = await test.login();
      await test.replaced(replaced.proof);
      const bob = await test.login({ userId: 'bob' });
      const unfit = [ended.proof, timedOut.proof, replaced.proof, bob.proof, forged(bystander.proof)];
      for (const proof of [...unfit, { ...bob.proof, sessionId: bystander.session.id }]) {
        expect(await test.repository.revokeAll('ada', proof)).toEqual(REFUSED);
      }
      expect(await test.user()).toEqual(before);
      expect(await test.statuses([bystander, bob])).toEqual(['live', 'live']);
    });

    it('is refused to a session of an earlier epoch, and of a blocked user', async () => {
      const test = await open();
      const { proof } = await test.login();
      await test.repository.revokeAll('ada');
      expect(await test.repository.revokeAll('ada', proof)).toEqual(REFUSED);
      const again = await test.login();
      await test.change({ block: { reason: 'spam' } });
      expect(await test.repository.revokeAll('ada', again.proof)).toEqual(REFUSED);
    });

    it('lets exactly one of two parallel "log out others" win', async () => {
      const test = await open();
      const [one, two] = [await test.login(), await test.login()];
      const outcomes = await Promise.all([
        test.repository.revokeAll('ada', one.proof),
        test.repository.revokeAll('ada', two.proof),
      ]);
      expect([count(outcomes, 'revoked'), count(outcomes, 'refused')]).toEqual([1, 1]);
      const winner = outcomes[0].outcome === 'revoked' ? one : two;
      expect(await test.repository.list('ada')).toEqual([winner.session]);
    });

    it('without `except` is never undone by a parallel one with it', async () => {
      const test = await open();
      const thief = await test.login();
      await Promise.all([
        ...Array.from({ length: 10 }, () => test.repository.revokeAll('ada', thief.proof)),
        test.repository.revokeAll('ada'),
        ...Array.from({ length: 10 }, () => test.repository.revokeAll('ada', thief.proof)),
      ]);
      expect(await test.status(thief.proof)).toBe('revoked');
    });
  });

  describe('replaceToken', () => {
    it('gives the session a new token: the old one is known as revoked, and the session is the same', async () => {
      const test = await open();
      const { proof, session, user } = await test.login({ rememberMe: true });
      const replaced = await test.replaced(proof);
      expect(replaced).toMatchObject({ outcome: 'replaced', session, user, revoked: 0 });
      expect(await test.lookUp(replaced.proof)).toMatchObject({ status: 'live', session, user });
      expect(await test.lookUp(proof)).toMatchObject({ status: 'revoked', user });
      expect(await test.status(forged(proof))).toBe('unknown');
      expect(await test.repository.list('ada')).toEqual([session]);
    });

    it('remembers one old token of a session, the latest', async () => {
      const test = await open();
      const first = await test.login();
      const second = await test.replaced(first.proof);
      const third = await test.replaced(second.proof);
      expect(await test.status(first.proof)).toBe('unknown');
      expect(await test.status(second.proof)).toBe('revoked');
      expect(await test.status(third.proof)).toBe('live');
    });

    it('raises the assurance, never lowers it', async () => {
      const test = await open();
      let { proof } = await test.login({ assurance: 'aal1', rememberMe: true });
      const levels = [];
      for (const assurance of ['aal2', 'aal1', 'aal3', 'aal2', undefined] as const) {
        const replaced = await test.replaced(proof, assurance ? { assurance } : {});
        levels.push(replaced.session.assurance);
        proof = replaced.proof;
        expect(replaced.session.rememberMe).toBe(true);
      }
      expect(levels).toEqual(['aal2', 'aal2', 'aal3', 'aal3', 'aal3']);
      expect((await test.lookUp(proof)).session.assurance).toBe('aal3');
    });

    it('with `revokeOthers` starts a new epoch that only this session enters', async () => {
      const test = await open();
      const [mine, other] = [await test.login(), await test.login()];
      const { version, epoch } = await test.user();
      const replaced = await test.replaced(mine.proof, { revokeOthers: true, ifEpoch: epoch });
      expect(replaced).toMatchObject({ revoked: 1, user: { version: version + 1, epoch: epoch + 1 } });
      expect(await test.user()).toEqual(replaced.user);
      expect(await test.statuses([mine, other])).toEqual(['revoked', 'revoked']);
      expect(await test.status(replaced.proof)).toBe('live');
    });

    it('is refused and changes nothing when the proof may not act', async () => {
      const test = await open();
      const mine = await test.login();
      const ended = await test.login();
      await test.repository.revoke('ada', ended.session.id, 'logout');
      const timedOut = await test.login({ lifetime: lifetimeOf(20, 20) });
      await test.advance(40);
      const replaced = await test.login();
      const current = await test.replaced(replaced.proof);
      const before = await test.user();
      const { userRef } = newSession({ userId: 'bob' }).proof;
      const unfit = [ended.proof, timedOut.proof, replaced.proof, forged(mine.proof), newSession().proof];
      for (const proof of [...unfit, { ...mine.proof, userRef }]) {
        const attempt = await test.replace(proof, { reauthenticated: true, revokeOthers: true });
        expect(attempt.outcome).toEqual(REFUSED);
        expect(await test.status(attempt.proof)).toBe('unknown');
      }
      expect(await test.user()).toEqual(before);
      expect(await test.statuses([mine, replaced])).toEqual(['live', 'revoked']);
      expect(await test.status(current.proof)).toBe('live');
    });

    it('is refused to a session of an earlier epoch, of a blocked user, or at a later epoch than it was for', async () => {
      const test = await open();
      const { proof, user } = await test.login();
      expect((await test.replace(proof, { ifEpoch: user.epoch - 1 })).outcome).toEqual(REFUSED);
      await test.repository.revokeAll('ada', proof);
      expect((await test.replace(proof, { ifEpoch: user.epoch })).outcome).toEqual(REFUSED);
      expect(await test.status(proof)).toBe('live');
      await test.repository.revokeAll('ada');
      expect((await test.replace(proof)).outcome).toEqual(REFUSED);
      const again = await test.login();
      await test.change({ block: { reason: 'spam' } });
      expect((await test.replace(again.proof)).outcome).toEqual(REFUSED);
    });

    it('succeeds exactly once under parallel attempts with the same proof', async () => {
      const test = await open();
      const { proof } = await test.login();
      const attempts = await times(20, () => test.replace(proof, { revokeOthers: true }));
      const outcomes = attempts.map(({ outcome }) => outcome);
      expect([count(outcomes, 'replaced'), count(outcomes, 'refused')]).toEqual([1, 19]);
      const statuses = await Promise.all(attempts.map((attempt) => test.status(attempt.proof)));
      expect(statuses.filter((status) => status === 'live')).toHaveLength(1);
      expect(statuses.filter((status) => status === 'unknown')).toHaveLength(19);
    });
  });
}
