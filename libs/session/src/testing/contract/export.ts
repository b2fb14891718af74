import type { OpenContract } from './support.js';
import { lifetimeOf } from './support.js';

/** All that is kept of a user, for the user to see. */
export function describeExport(open: OpenContract): void {
  describe('an export of a user', () => {
    const USER_QUOTA = { name: 'posts', quota: 4, windowMs: 3_600_000, burst: 4 };

    it('tells all that is kept of a user, and nothing of another', async () => {
      const test = await open();
      const first = await test.login({ data: Buffer.from('{"a":1}'), rememberMe: true });
      await test.advance(5);
      const second = await test.login({ device: { name: '', userAgent: '', ip: '192.0.2.7' } });
      await test.login({ userId: 'bob', data: Buffer.from('{}') });
      const partition = { userId: 'ada', sessionId: second.session.id };
      for (const owner of [partition, { userId: 'ada' }])
        await test.repository.quota({ operation: 'consume', policy: USER_QUOTA, partition: owner, cost: 2 });
      await test.advance(5);
      await test.repository.revoke('ada', second.session.id, 'logout');

      const kept = await test.repository.users.export('ada');
      expect(kept.user).toEqual(await test.user());
      expect(kept.sessions.map(({ status }) => status)).toEqual(['revoked', 'live']);
      const [ended, live] = kept.sessions;
      expect(live).toMatchObject({ session: first.session, data: { payload: Buffer.from('{"a":1}') } });
      expect(ended?.session).toMatchObject({ id: second.session.id, device: second.session.device });
      expect(ended?.session.lastSeenAt).toBeGreaterThan(second.session.lastSeenAt); // its end
      expect(ended).not.toHaveProperty('data');
      expect(kept.oneTimeTokens).toEqual([]);
      const quotas = [...kept.quotas].sort((a, b) => (a.sessionId ?? '').localeCompare(b.sessionId ?? ''));
      expect(quotas).toEqual([
        { name: 'posts', fullAt: expect.any(Number) as number },
        { name: 'posts', sessionId: second.session.id, fullAt: expect.any(Number) as number },
      ]);
      const halfAnHour = Math.abs(quotas[0]!.fullAt - ended!.session.lastSeenAt - 1_800_000);
      expect(halfAnHour).toBeLessThan(60_000);
    });

    it('tells of sessions that a new epoch ended, and of those that timed out', async () => {
      const test = await open();
      await test.login();
      await test.repository.revokeAll('ada');
      await test.login({ lifetime: lifetimeOf(3, 3) });
      await test.advance(20);
      const { sessions } = await test.repository.users.export('ada');
      expect(sessions.map(({ status }) => status).sort()).toEqual(['expired', 'revoked']);
    });

    it('has no data of sessions that a new epoch ended, once the next login has swept it', async () => {
      const test = await open();
      await test.login({ data: Buffer.from('{"a":1}') });
      await test.repository.revokeAll('ada');
      await test.login();
      const { sessions } = await test.repository.users.export('ada');
      expect(sessions.map((kept) => 'data' in kept)).toEqual([false, false]);
    });

    it('has a record that is too old, and nothing of somebody unknown or erased', async () => {
      const test = await open({ maxStateAgeMs: 10 });
      await test.load({ roles: ['user'] });
      await test.advance(50);
      expect((await test.repository.users.export('ada')).user).toMatchObject({ id: 'ada', roles: ['user'] });
      await test.repository.users.erase('ada');
      const nothing = { sessions: [], quotas: [], oneTimeTokens: [] };
      expect(await test.repository.users.export('ada')).toEqual(nothing);
    });
  });
}
