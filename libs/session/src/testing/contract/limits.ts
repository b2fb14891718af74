import type { Session } from '../../model/session.js';
import type { RepositorySettings } from '../../storage/contract/session-repository.js';
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

  /** Redis counts so many without a look at each. */
  describe('the cap on sessions of a user with many', () => {
    const CAP = 300;
    const byAge = (a: Session, b: Session): number => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
    const full = async (settings: Partial<RepositorySettings> = {}) => {
      const test = await open({ maxSessionsPerUser: CAP, ...settings });
      const early = await times(3, () => test.login());
      await test.advance(5);
      const later = await times(CAP - 3, () => test.login());
      return { test, oldest: [...early, ...later].map(({ session }) => session).sort(byAge) };
    };

    it('ends the oldest ones in turn, and passes over those that have ended', async () => {
      const { test, oldest } = await full();
      const ids = oldest.map(({ id }) => id);
      await test.advance(5);
      const evicted = async (): Promise<readonly string[]> => (await test.login()).evicted;
      expect([await evicted(), await evicted(), await evicted()]).toEqual([[ids[0]], [ids[1]], [ids[2]]]);
      await test.repository.revoke('ada', ids[3] as string, 'logout');
      await test.repository.revoke('ada', ids[5] as string, 'logout');
      await test.repository.revoke('ada', ids[5] as string, 'logout');
      expect([await evicted(), await evicted()]).toEqual([[], []]);
      expect([await evicted(), await evicted()]).toEqual([[ids[4]], [ids[6]]]);
      const parallel = await times(50, () => test.login());
      expect(parallel.flatMap((login) => login.evicted).sort()).toEqual(ids.slice(7, 57).sort());
      expect(await test.repository.list('ada')).toHaveLength(CAP);
    });

    it('counts none that has timed out, whenever it did', async () => {
      const test = await open({ maxSessionsPerUser: CAP, onSessionLimit: 'reject' });
      await times(CAP - 3, () => test.login());
      const brief = await times(3, () => test.login({ lifetime: lifetimeOf(500, 3_600_000) }));
      const create = async () => (await test.repository.create(newSession().session)).outcome;
      expect(await create()).toBe('session_limit_reached');
      await test.advance(600);
      await test.repository.revoke('ada', brief[0]?.session.id ?? '', 'logout'); // timed out already
      expect([await create(), await create(), await create(), await create()]).toEqual([
        ...Array<string>(3).fill('created'),
        'session_limit_reached',
      ]);
      expect(await test.repository.revokeAll('ada')).toMatchObject({ sessions: CAP });
    });

    it('counts anew after a new epoch, with or without a session that enters it', async () => {
      const { test } = await full();
      const { proof, session } = await test.login();
      expect(await test.repository.revokeAll('ada', proof)).toMatchObject({ sessions: CAP - 1 });
      expect(await test.repository.revokeAll('ada', proof)).toMatchObject({ sessions: 0 });
      expect((await test.login()).evicted).toEqual([]);
      expect((await test.replace(proof, { revokeOthers: true })).outcome).toMatchObject({ revoked: 1 });
      expect((await test.repository.list('ada')).map(({ id }) => id)).toEqual([session.id]);
      const block = { reason: 'spam' };
      const change = { userId: 'ada', ifVersion: 'any', block } as const;
      expect(await test.repository.users.change(change)).toMatchObject({ outcome: 'changed', sessions: 1 });
      expect(await test.repository.revokeAll('ada')).toMatchObject({ sessions: 0 });
    });

    it('goes by the roles of the moment', async () => {
      const roleLifetimes = new Map([['admin', lifetimeOf(50, 3_600_000)]]);
      const { test } = await full({ roleLifetimes, onSessionLimit: 'reject' });
      expect(await test.repository.create(newSession().session)).toEqual({
        outcome: 'session_limit_reached',
      });
      await test.advance(100);
      await test.change({ roles: ['admin'] });
      expect((await test.login()).evicted).toEqual([]);
      expect(await test.repository.revokeAll('ada')).toMatchObject({ sessions: 1 });
    });

    it('keeps to it through many logins and logouts', async () => {
      const { test } = await full();
      for (let i = 0; i < 5; i++) {
        const logins = await times(40, () => test.login());
        await Promise.all(logins.map(({ session }) => test.repository.revoke('ada', session.id, 'logout')));
        await times(50, () => test.login());
        expect(await test.repository.list('ada')).toHaveLength(CAP);
      }
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
