import type { OpenContract } from './support.js';
import { lifetimeOf, newSession } from './support.js';

const AWKWARD_TEXTS: readonly (readonly [what: string, text: string])[] = [
  ['nothing', ''],
  ['NUL and control characters', 'a\u0000b\u0001c\r\nd\u007f'],
  ['braces, brackets and quotes', `{"a":['b',\\"c\\"]}{user}`],
  ['separators', 'a b|c:d,e;f~g\tlk_'],
  ['numbers and words that formats love', '0 -1 1e3 null undefined NaN __proto__'],
  ['letters of many scripts', 'Größe 名前 שלום ñandú'],
  ['64 characters', 'x'.repeat(64)],
  ['64 characters of four bytes', '🙂'.repeat(64)],
];

const AWKWARD_USER_IDS = [
  '__proto__',
  'constructor',
  'ünïcödé-名前-🙂',
  'a b',
  '{ada}',
  `o'neil "x" \\`,
  'nul\u0000nul',
  'ada:sessions',
  '42',
  'x'.repeat(256),
];

/** Making sessions and listing them. */
export function describeSessions(open: OpenContract): void {
  describe('create', () => {
    it('makes a session that begins now and is as it was ordered', async () => {
      const test = await open();
      const { session, proof } = newSession({
        lifetime: lifetimeOf(600_000, 3_600_000),
        assurance: 'aal2',
        rememberMe: true,
      });
      const created = await test.repository.create(session);
      const lookup = await test.lookUp(proof);
      const user = await test.user();
      expect(created).toEqual({ outcome: 'created', session: lookup.session, user, evicted: [] });
      const { createdAt } = lookup.session;
      expect(lookup).toEqual({ ...lookup, kind: 'known', status: 'live', user, quotas: [] });
      expect(lookup.session).toEqual({
        id: session.sessionId,
        userId: 'ada',
        device: session.device,
        createdAt,
        lastSeenAt: createdAt,
        authenticatedAt: createdAt,
        assurance: 'aal2',
        rememberMe: true,
        expiresAt: createdAt + 600_000,
        absoluteExpiresAt: createdAt + 3_600_000,
      });
      expect(Number.isSafeInteger(createdAt)).toBe(true);
      expect(lookup.now).toBeGreaterThanOrEqual(createdAt);
    });

    it('with an inactivity timeout of 0 ends a session by the absolute one alone', async () => {
      const test = await open();
      const { session } = await test.login({ lifetime: lifetimeOf(0, 3_600_000) });
      expect(session.expiresAt).toBe(session.absoluteExpiresAt);
      expect(session.absoluteExpiresAt).toBe(session.createdAt + 3_600_000);
    });

    it('makes the record of a user who has none, without roles, only if asked to', async () => {
      const test = await open();
      const refused = await test.repository.create(newSession({ createUser: false }).session);
      expect(refused).toEqual({ outcome: 'user_unknown' });
      expect(await test.repository.users.read('ada')).toBeUndefined();
      const { user } = await test.login({ createUser: true });
      expect(user).toEqual({
        id: 'ada',
        status: 'active',
        roles: [],
        version: user.version,
        epoch: user.epoch,
      });
      expect(await test.user()).toEqual(user);
    });

    it('leaves the record of a user who has one as it is', async () => {
      const test = await open();
      const user = await test.makeUser('ada', { roles: ['admin', 'user'] });
      expect((await test.login()).user).toEqual(user);
      expect((await test.login({ createUser: false, ifEpoch: user.epoch })).user).toEqual(user);
    });

    it('refuses a blocked user', async () => {
      const test = await open();
      const user = await test.change({ block: { reason: 'spam' } });
      const { session, proof } = newSession({ ifEpoch: user.epoch });
      expect(await test.repository.create(session)).toEqual({ outcome: 'user_blocked', user });
      expect(await test.status(proof)).toBe('unknown');
    });

    it('refuses an epoch read before a block that was lifted again', async () => {
      const test = await open();
      const { epoch } = await test.makeUser();
      await test.change({ block: { reason: 'spam' } });
      await test.change({ block: null });
      const { session, proof } = newSession({ ifEpoch: epoch, createUser: false });
      expect(await test.repository.create(session)).toEqual({ outcome: 'epoch_changed' });
      expect(await test.status(proof)).toBe('unknown');
    });

    it('refuses an epoch read before a password change, a "log out everywhere" or an erasure', async () => {
      const test = await open();
      const attempt = (ifEpoch: number) =>
        test.repository.create(newSession({ ifEpoch, createUser: false }).session);
      const { proof, user } = await test.login();
      await test.replaced(proof, { revokeOthers: true });
      expect(await attempt(user.epoch)).toEqual({ outcome: 'epoch_changed' });

      const { epoch } = await test.user();
      await test.repository.revokeAll('ada');
      expect(await attempt(epoch)).toEqual({ outcome: 'epoch_changed' });

      const last = await test.user();
      await test.repository.users.erase('ada');
      expect(await attempt(last.epoch)).toEqual({ outcome: 'user_unknown' });
      await test.makeUser();
      expect(await attempt(last.epoch)).toEqual({ outcome: 'epoch_changed' });
      expect(await test.repository.list('ada')).toEqual([]);
    });

    it.each(AWKWARD_TEXTS)('keeps a device described by %s', async (_, text) => {
      const test = await open();
      const device = { name: text, userAgent: text.slice(0, 24), ip: '2001:db8:85a3::8a2e:370:7334' };
      const { session, proof } = await test.login({ device });
      expect(session.device).toEqual(device);
      expect((await test.lookUp(proof)).session.device).toEqual(device);
      expect((await test.repository.list('ada'))[0]?.device).toEqual(device);
    });

    it('keeps users apart, whatever their ids look like', async () => {
      const test = await open();
      const logins = await Promise.all(AWKWARD_USER_IDS.map((userId) => test.login({ userId })));
      for (const [i, userId] of AWKWARD_USER_IDS.entries()) {
        expect(logins[i]?.user.id).toBe(userId);
        expect(await test.repository.list(userId)).toEqual([logins[i]?.session]);
      }
      await test.change({ userId: '__proto__', block: { reason: 'spam' } });
      for (const userId of AWKWARD_USER_IDS) {
        expect((await test.user(userId)).status).toBe(userId === '__proto__' ? 'blocked' : 'active');
      }
      expect((await test.lookUp(logins[2]!.proof)).session.userId).toBe(AWKWARD_USER_IDS[2]);
    });

    it('gives out copies', async () => {
      const test = await open();
      const { session, user, proof } = await test.login();
      Object.assign(session, { expiresAt: 0 });
      Object.assign(session.device, { name: 'mine' });
      (user.roles as string[]).push('admin');
      const lookup = await test.lookUp(proof);
      expect(lookup.session.expiresAt).toBeGreaterThan(0);
      expect(lookup.session.device.name).toBe('phone');
      expect(lookup.user.roles).toEqual([]);
    });
  });

  describe('list', () => {
    it('has the live sessions of one user, newest first', async () => {
      const test = await open();
      const sessions = [];
      for (let i = 0; i < 4; i++) {
        sessions.unshift((await test.login()).session);
        await test.advance(5);
      }
      await test.login({ userId: 'bob' });
      expect(await test.repository.list('ada')).toEqual(sessions);
      await test.repository.revoke('ada', sessions[1]!.id, 'logout');
      expect(await test.repository.list('ada')).toEqual([sessions[0], sessions[2], sessions[3]]);
    });

    it('is empty for a user without sessions, blocked, or unknown', async () => {
      const test = await open();
      expect(await test.repository.list('nobody')).toEqual([]);
      await test.makeUser();
      expect(await test.repository.list('ada')).toEqual([]);
      await test.login();
      await test.change({ block: { reason: 'spam' } });
      expect(await test.repository.list('ada')).toEqual([]);
    });
  });
}
