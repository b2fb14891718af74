import type { OpenContract } from './support.js';
import { count, lifetimeOf, newSession, times } from './support.js';

/** How many sessions a user may have, and how many ended ones are remembered. */
export function describeLimits(open: OpenContract): void {
  describe('the cap on sessions', () => {
    it('ends the oldest one, as evicted', async () => {
      const test = await open({ maxSessionsPerUser: 2 });
      const first = await test.login();
      await test.advance(5);
      const second = await test.login();
      await test.advance(5);
      const third = await test.login();
      expect([first.evicted, second.evicted, third.evicted]).toEqual([[], [], [first.session.id]]);
      expect(await test.statuses([first, second, third])).toEqual(['revoked', 'live', 'live']);
    });

    it('or refuses the new one and leaves the others alone', async () => {
      const test = await open({ maxSessionsPerUser: 2, onSessionLimit: 'reject' });
      const logins = [await test.login(), await test.login()];
      const { session, proof } = newSession();
      expect(await test.repository.create(session)).toEqual({ outcome: 'session_limit_reached' });
      expect(await test.status(proof)).toBe('unknown');
      expect(await test.statuses(logins)).toEqual(['live', 'live']);
    });

    it('counts live sessions of this user only', async () => {
      const test = await open({ maxSessionsPerUser: 2, onSessionLimit: 'reject' });
      const first = await test.login();
      await test.login();
      await test.login({ userId: 'bob' });
      await test.repository.revoke('ada', first.session.id, 'logout');
      await test.login();
      await test.repository.revokeAll('ada');
      await test.login();
      await test.login();
      expect(await test.repository.list('ada')).toHaveLength(2);
    });

    it.each([
      ['inactivity', lifetimeOf(100, 3_600_000)],
      ['absolute', lifetimeOf(0, 100)],
    ])('does not count those that ran out by their %s timeout', async (_, lifetime) => {
      const test = await open({ maxSessionsPerUser: 1, onSessionLimit: 'reject' });
      const first = await test.login({ lifetime });
      await test.advance(150);
      const second = await test.login();
      expect(await test.statuses([first, second])).toEqual(['expired', 'live']);
      expect(await test.repository.revokeAll('ada')).toMatchObject({ sessions: 1 });
    });

    it('is exact under 50 parallel logins that evict', async () => {
      const test = await open({ maxSessionsPerUser: 5 });
      const logins = await times(50, () => test.login());
      const live = (await test.repository.list('ada')).map(({ id }) => id);
      const evicted = logins.flatMap((login) => login.evicted);
      expect(live).toHaveLength(5);
      expect(evicted).toHaveLength(45);
      expect([...evicted, ...live].sort()).toEqual(logins.map(({ session }) => session.id).sort());
    });

    it('is exact under 50 parallel logins that are refused', async () => {
      const test = await open({ maxSessionsPerUser: 5, onSessionLimit: 'reject' });
      const outcomes = await times(50, () => test.repository.create(newSession().session));
      expect(count(outcomes, 'created')).toBe(5);
      expect(count(outcomes, 'session_limit_reached')).toBe(45);
      expect(await test.repository.list('ada')).toHaveLength(5);
    });
  });

  describe('ended sessions', () => {
    it('are remembered up to a number, which a login restores: the latest to end', async () => {
      const test = await open({ maxSessionsPerUser: 1, maxEndedSessions: 3 });
      const logins = [];
      for (let i = 0; i < 6; i++) {
        logins.push(await test.login());
        await test.advance(5);
      }
      expect(await test.statuses(logins)).toEqual([
        'unknown',
        'unknown',
        'revoked',
        'revoked',
        'revoked',
        'live',
      ]);
    });

    it('count among that number when a new epoch ended them all at once', async () => {
      const test = await open({ maxEndedSessions: 3 });
      const logins = await times(10, () => test.login());
      await test.repository.revokeAll('ada');
      await test.login();
      const statuses = await test.statuses(logins);
      expect(statuses.filter((status) => status === 'revoked')).toHaveLength(3);
      expect(statuses.filter((status) => status === 'unknown')).toHaveLength(7);
    });

    it('are forgotten without a login as well, and live ones are not', async () => {
      const test = await open({ maxEndedSessions: 1, rememberEndedMs: 1_000 });
      const [early, one, two, live] = [
        await test.login(),
        await test.login(),
        await test.login(),
        await test.login(),
      ];
      const revoke = (login: typeof early) => test.repository.revoke('ada', login.session.id, 'logout');
      await revoke(early);
      await test.advance(1_100);
      await revoke(one);
      await test.advance(5);
      await revoke(two);
      expect(await test.repository.sweep('ada')).toBe(2);
      expect(await test.statuses([early, one, two, live])).toEqual(['unknown', 'unknown', 'revoked', 'live']);
      expect(await test.repository.sweep('ada')).toBe(0);
      expect(await test.repository.sweep('nobody')).toBe(0);
    });

    it('take their replaced tokens along when they are forgotten', async () => {
      const test = await open({ maxEndedSessions: 0 });
      const { proof, session } = await test.login();
      await test.replaced(proof);
      await test.repository.revoke('ada', session.id, 'logout');
      expect(await test.status(proof)).toBe('revoked');
      await test.login();
      expect(await test.status(proof)).toBe('unknown');
    });
  });
}
