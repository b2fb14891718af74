import type { OpenContract } from './support.js';
import { demand, forged, lifetimeOf, newSession } from './support.js';

const UNKNOWN = { kind: 'unknown' };

/** What is told of a presented token, and to whom; and which requests count as activity. */
export function describeAuthentication(open: OpenContract): void {
  describe('authenticate', () => {
    it('tells nothing to a wrong secret: neither of the session nor of the user', async () => {
      const test = await open();
      const { proof, session } = await test.login();
      const other = await test.login();
      const guesses = [
        forged(proof),
        { ...proof, tokenHash: other.proof.tokenHash },
        { ...proof, tokenHash: Buffer.alloc(32) },
        { ...proof, sessionId: other.proof.sessionId },
        { ...proof, userRef: newSession({ userId: 'bob' }).proof.userRef },
        newSession().proof,
        newSession({ userId: 'nobody' }).proof,
      ];
      const expectNothing = async () => {
        for (const guess of guesses)
          expect(await test.repository.authenticate(guess, demand([]))).toEqual(UNKNOWN);
      };
      await expectNothing();
      await test.repository.revoke('ada', session.id, 'logout');
      await expectNothing();
      await test.change({ block: { reason: 'spam' } });
      await expectNothing();
      expect(await test.status(proof)).toBe('revoked');
    });

    it('does not show a session in the place of another of the same user', async () => {
      const test = await open();
      const [one, two] = [await test.login(), await test.login()];
      expect((await test.lookUp(one.proof)).session.id).toBe(one.session.id);
      expect((await test.lookUp(two.proof)).session.id).toBe(two.session.id);
    });

    it('shows the roles of this moment, with no new token', async () => {
      const test = await open();
      await test.makeUser('ada', { roles: ['admin', 'user'] });
      const { proof } = await test.login();
      expect((await test.lookUp(proof)).user.roles).toEqual(['admin', 'user']);
      await test.change({ roles: ['user'] });
      const demoted = await test.lookUp(proof);
      expect([demoted.status, demoted.user.roles]).toEqual(['live', ['user']]);
      await test.change({ roles: [] });
      expect((await test.lookUp(proof)).user.roles).toEqual([]);
    });

    it('shows a block, and the session as revoked; lifting the block does not bring the session back', async () => {
      const test = await open();
      const { proof } = await test.login();
      const blocked = await test.change({ block: { reason: 'spam', by: 'mia' } });
      expect(await test.lookUp(proof)).toMatchObject({ status: 'revoked', user: blocked });
      const user = await test.change({ block: null });
      expect(await test.lookUp(proof)).toMatchObject({ status: 'revoked', user });
    });

    it('knows nothing of a user who was erased, nor after the user is made again', async () => {
      const test = await open();
      const { proof } = await test.login();
      await test.repository.users.erase('ada');
      expect(await test.repository.authenticate(proof, demand([]))).toEqual(UNKNOWN);
      await test.makeUser();
      await test.login();
      expect(await test.repository.authenticate(proof, demand([]))).toEqual(UNKNOWN);
    });
  });

  describe('a request', () => {
    it('counts as activity once the touch interval has passed, not before', async () => {
      const test = await open({ touchIntervalMs: 400 });
      const { proof, session } = await test.login();
      await test.advance(100);
      expect((await test.lookUp(proof)).session).toEqual(session);
      await test.advance(400);
      const touched = await test.lookUp(proof);
      expect(touched.session.lastSeenAt).toBe(touched.now);
      expect(touched.session.lastSeenAt).toBeGreaterThanOrEqual(session.createdAt + 450);
      const moved = touched.now - session.lastSeenAt;
      expect(touched.session).toEqual({
        ...session,
        lastSeenAt: touched.now,
        expiresAt: Math.min(session.expiresAt + moved, session.absoluteExpiresAt),
      });
      expect((await test.lookUp(proof)).session).toEqual(touched.session);
      expect(await test.repository.list('ada')).toEqual([touched.session]);
    });

    it('counts sooner where the inactivity timeout is short: after a twentieth of it', async () => {
      const test = await open({ touchIntervalMs: 60_000 });
      const { proof, session } = await test.login({ lifetime: lifetimeOf(8_000, 3_600_000) });
      await test.advance(450);
      const { lastSeenAt, expiresAt } = (await test.lookUp(proof)).session;
      expect(lastSeenAt).toBeGreaterThanOrEqual(session.lastSeenAt + 400);
      expect(expiresAt).toBe(lastSeenAt + 8_000);
    });

    it('does not count when it is denied: by secret, token, role or block', async () => {
      const test = await open({ touchIntervalMs: 50 });
      await test.makeUser('ada', { roles: ['editor', 'user'] });
      const first = await test.login();
      const { proof } = await test.replaced(first.proof);
      await test.advance(100);
      for (const groups of [[['admin']], [['user', 'editor'], ['admin']], [[]], [['user'], []], [['edit']]]) {
        expect((await test.lookUp(proof, groups)).session.lastSeenAt).toBe(first.session.lastSeenAt);
      }
      await test.repository.authenticate(forged(proof), demand([]));
      await test.repository.authenticate(first.proof, demand([]));
      expect((await test.repository.list('ada'))[0]?.lastSeenAt).toBe(first.session.lastSeenAt);
      const allowed = await test.lookUp(proof, [['admin', 'editor'], ['user']]);
      expect(allowed.session.lastSeenAt).toBe(allowed.now);
    });

    it('never revives a session that has ended', async () => {
      const test = await open({ touchIntervalMs: 0 });
      const { proof, session } = await test.login();
      const other = await test.login();
      await test.repository.revoke('ada', session.id, 'logout');
      await test.advance(20);
      for (let i = 0; i < 3; i++) expect(await test.status(proof)).toBe('revoked');
      await test.repository.revokeAll('ada');
      await test.advance(20);
      for (let i = 0; i < 3; i++) expect(await test.statuses([other])).toEqual(['revoked']);
      expect(await test.repository.list('ada')).toEqual([]);
    });

    it('that races with a revocation never wins', async () => {
      const test = await open({ touchIntervalMs: 0 });
      const { proof, session } = await test.login();
      const requests = Array.from({ length: 40 }, () => test.status(proof));
      const revoked = test.repository.revoke('ada', session.id, 'logout');
      requests.push(...Array.from({ length: 40 }, () => test.status(proof)));
      expect(await revoked).toBe(true);
      expect(await test.status(proof)).toBe('revoked');
      await Promise.all(requests);
      expect(await test.status(proof)).toBe('revoked');
    });
  });
}
