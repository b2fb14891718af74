import type { OpenContract } from './support.js';
import { lifetimeOf } from './support.js';

const HOUR_MS = 3_600_000;

/** When sessions end by themselves, and for how long they are remembered. */
export function describeTimeouts(open: OpenContract): void {
  describe('the inactivity timeout', () => {
    it('starts again with every request that counts', async () => {
      const test = await open();
      const { proof, session } = await test.login({ lifetime: lifetimeOf(800, HOUR_MS) });
      await test.advance(500);
      expect((await test.lookUp(proof)).status).toBe('live');
      await test.advance(500);
      const last = await test.lookUp(proof);
      expect(last.status).toBe('live');
      expect(last.session.expiresAt).toBe(last.now + 800);
      await test.advance(900);
      const expired = await test.lookUp(proof);
      expect(expired.status).toBe('expired');
      expect(expired.session.id).toBe(session.id);
      expect(await test.repository.revoke('ada', session.id, 'logout')).toBe(false);
      expect(await test.status(proof)).toBe('expired');
      expect(await test.repository.list('ada')).toEqual([]);
    });
  });

  describe('the absolute timeout', () => {
    it('ends a session however busy it is', async () => {
      const test = await open();
      const { proof, session } = await test.login({ lifetime: lifetimeOf(900, 1_000) });
      await test.advance(500);
      const busy = await test.lookUp(proof);
      expect(busy.status).toBe('live');
      expect(busy.session.lastSeenAt).toBe(busy.now);
      expect(busy.session.expiresAt).toBe(session.absoluteExpiresAt);
      await test.advance(600);
      const expired = await test.lookUp(proof);
      expect(expired.status).toBe('expired');
      expect(expired.session).toEqual(busy.session);
    });

    it('starts again, like the inactivity timeout, when the person reauthenticates', async () => {
      const test = await open();
      const { proof, session } = await test.login({ lifetime: lifetimeOf(1_000, 1_000) });
      await test.advance(600);
      const again = await test.replaced(proof, { reauthenticated: true });
      const { authenticatedAt } = again.session;
      expect(authenticatedAt).toBeGreaterThanOrEqual(session.createdAt + 550);
      expect(again.session).toEqual({
        ...session,
        authenticatedAt,
        lastSeenAt: authenticatedAt,
        expiresAt: authenticatedAt + 1_000,
        absoluteExpiresAt: authenticatedAt + 1_000,
      });
      await test.advance(600);
      expect(await test.status(again.proof)).toBe('live');
    });

    it('does not start again with a token that is replaced without reauthentication', async () => {
      const test = await open();
      const { proof, session } = await test.login();
      await test.advance(20);
      expect((await test.replaced(proof)).session).toEqual(session);
    });
  });

  describe('the lifetime of a role', () => {
    const roleLifetimes = new Map([
      ['admin', lifetimeOf(300, HOUR_MS)],
      ['auditor', lifetimeOf(0, 500)],
    ]);

    it('holds for sessions from before the role was given', async () => {
      const test = await open({ roleLifetimes });
      await test.makeUser('ada', { roles: ['user'] });
      const old = await test.login();
      await test.advance(400);
      const young = await test.login();
      expect(await test.statuses([old, young])).toEqual(['live', 'live']);
      await test.change({ roles: ['admin', 'user'] });
      expect(await test.statuses([old, young])).toEqual(['expired', 'live']);
      expect((await test.repository.list('ada')).map(({ id }) => id)).toEqual([young.session.id]);
    });

    it('is shown, the strictest of each timeout of all roles and the session itself', async () => {
      const test = await open({ roleLifetimes });
      await test.makeUser('ada', { roles: ['admin', 'auditor', 'user'] });
      const { session, proof } = await test.login({ lifetime: lifetimeOf(0, HOUR_MS) });
      expect(session.expiresAt).toBe(session.createdAt + 300);
      expect(session.absoluteExpiresAt).toBe(session.createdAt + 500);
      await test.change({ roles: ['user'] });
      const relaxed = await test.lookUp(proof);
      expect(relaxed.session.expiresAt).toBe(session.createdAt + HOUR_MS);
      expect(await test.repository.list('ada')).toEqual([relaxed.session]);
    });

    it('makes requests count sooner', async () => {
      const test = await open({ roleLifetimes });
      await test.makeUser('ada', { roles: ['admin'] });
      const { session, proof } = await test.login();
      await test.advance(50);
      expect((await test.lookUp(proof)).session.lastSeenAt).toBeGreaterThanOrEqual(session.lastSeenAt + 30);
    });

    it('leaves the session its own, also when requests are counted meanwhile', async () => {
      const test = await open({ roleLifetimes });
      await test.makeUser('ada', { roles: ['admin'] });
      const { session, proof } = await test.login({ lifetime: lifetimeOf(HOUR_MS, 2 * HOUR_MS) });
      await test.advance(50);
      const { session: counted } = await test.lookUp(proof);
      expect(counted.lastSeenAt).toBeGreaterThan(session.lastSeenAt);
      expect(counted.expiresAt).toBe(counted.lastSeenAt + 300);
      await test.change({ roles: [] });
      const { session: relaxed } = await test.lookUp(proof);
      expect(relaxed.expiresAt).toBe(relaxed.lastSeenAt + HOUR_MS);
      expect(relaxed.absoluteExpiresAt).toBe(relaxed.createdAt + 2 * HOUR_MS);
    });

    it('ends for good what it was seen to end: a role that goes brings no session back', async () => {
      const test = await open({ roleLifetimes });
      await test.makeUser('ada', { roles: ['admin', 'user'] });
      const seen = await test.login();
      const loggedOut = await test.login();
      const overtaken = await test.login();
      await test.advance(400);
      expect(await test.status(seen.proof)).toBe('expired');
      expect(await test.repository.revoke('ada', loggedOut.session.id, 'logout')).toBe(false);
      await test.login(); // sees all of them
      await test.change({ roles: ['user'] });
      expect(await test.statuses([seen, loggedOut, overtaken])).toEqual(['expired', 'expired', 'expired']);
    });

    it('frees the places of the sessions that it ends', async () => {
      const test = await open({ roleLifetimes, maxSessionsPerUser: 1, onSessionLimit: 'reject' });
      await test.makeUser('ada', { roles: ['admin'] });
      await test.login();
      await test.advance(400);
      expect((await test.login()).evicted).toEqual([]);
    });
  });

  describe('an ended session', () => {
    it('is told from one that never was for a while, then no longer', async () => {
      const test = await open({ rememberEndedMs: 600 });
      const timedOut = await test.login({ userId: 'eve', lifetime: lifetimeOf(100, 100) });
      await test.advance(150);
      const loggedOut = await test.login();
      const stays = await test.login();
      const blocked = await test.login({ userId: 'bob' });
      const all = [timedOut, loggedOut, stays, blocked];
      await test.repository.revoke('ada', loggedOut.session.id, 'logout');
      const { proof } = await test.replaced(stays.proof);
      await test.change({ userId: 'bob', block: { reason: 'spam' } });
      expect(await test.statuses(all)).toEqual(['expired', 'revoked', 'revoked', 'revoked']);
      await test.advance(700);
      expect(await test.statuses(all)).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
      expect(await test.status(proof)).toBe('live');
    });
  });
}
