// Over 250 lines: one specification, whose tests share their steps.
/// <reference types="jest" />
import { newRefreshToken } from '../../token/refresh-token.js';
import {
  familyOf,
  forgedRefresh,
  GRACE_MS,
  HOUR_MS,
  LAPTOP,
  loginWithRefresh,
  otherOfFamily,
  pairOf,
  PHONE,
  present,
  refreshed,
} from './refresh-support.js';
import type { ContractTest, OpenContract } from './support.js';
import { forged, hear, lifetimeOf, newSession, times } from './support.js';

/** Refresh tokens: each works once, the last one is answered again for a while, and a used one ends the session. */
export function describeRefresh(open: OpenContract): void {
  describe('refresh', () => {
    it('gives a session the tokens on offer', async () => {
      const test = await open();
      const { refresh, proof, session, user } = await loginWithRefresh(test);
      const first = await refreshed(test, refresh, { accessTokenTtlMs: 60_000 });
      expect(first.outcome).toMatchObject({ session: { id: session.id, device: session.device }, user });
      expect(first.outcome.session.lastSeenAt).toBe(first.outcome.rotatedAt);
      expect(first.outcome.tokenEndsAt).toBe(first.outcome.rotatedAt + 60_000);
      const lookup = await test.lookUp(first.proof);
      expect(lookup).toMatchObject({ status: 'live', tokenEndsAt: first.outcome.tokenEndsAt });
      expect(lookup.session).toEqual(first.outcome.session);
      const second = await refreshed(test, first.refresh);
      expect(await test.status(second.proof)).toBe('live');
      expect(await test.status(proof)).toBe('unknown');
      expect(await test.repository.list('ada')).toEqual([second.outcome.session]);
    });

    it('answers the token before with the same again, until its successor is used', async () => {
      const test = await open();
      const { refresh } = await loginWithRefresh(test);
      const first = await refreshed(test, refresh);
      await test.advance(5);
      for (let i = 0; i < 3; i++) {
        const again = await refreshed(test, refresh, { accessTokenTtlMs: 1, graceMs: 1 });
        expect(again).toEqual(first);
      }
      const second = await refreshed(test, first.refresh);
      expect((await present(test, refresh)).what).toBe('reused');
      expect(await test.status(second.proof)).toBe('revoked');
    });

    it('gives 100 that come at once the same', async () => {
      const test = await open();
      const { refresh } = await loginWithRefresh(test);
      const all = await times(100, () => refreshed(test, refresh));
      expect(new Set(all.map(({ refresh: { token } }) => token)).size).toBe(1);
      expect(new Set(all.map(({ proof }) => proof.tokenHash.toString('hex'))).size).toBe(1);
      expect(new Set(all.map(({ outcome }) => `${outcome.rotatedAt} ${outcome.tokenEndsAt}`)).size).toBe(1);
      expect(await test.status(all[0]!.proof)).toBe('live');
      await refreshed(test, all[0]!.refresh);
    });

    it.each([1, 2, 10])('of a token from %d steps back ends the session', async (back) => {
      const test = await open();
      const login = await loginWithRefresh(test);
      const other = await loginWithRefresh(test);
      const chain = [login.refresh];
      let pair = await refreshed(test, login.refresh);
      // The one before the current one is answered again; `back` counts from there.
      for (let i = 0; i < back; i++) {
        chain.push(pair.refresh);
        pair = await refreshed(test, pair.refresh);
      }
      const { what, outcome } = await present(test, chain[0]!);
      expect(what).toBe('reused');
      expect(outcome).toMatchObject({ session: { id: login.session.id }, user: { id: 'ada' } });
      expect(await test.status(pair.proof)).toBe('revoked');
      for (const token of [...chain, pair.refresh]) expect((await present(test, token)).what).toBe('revoked');
      expect((await test.repository.list('ada')).map(({ id }) => id)).toEqual([other.session.id]);
      await refreshed(test, other.refresh);
    });

    it('of a token of the family that nobody ever got ends the session, too', async () => {
      const test = await open();
      const { refresh, proof } = await loginWithRefresh(test);
      expect((await present(test, otherOfFamily(refresh))).what).toBe('reused');
      expect(await test.status(proof)).toBe('revoked');
    });

    it('knows nothing of a token whose family is another, and changes nothing', async () => {
      const test = await open();
      const { refresh, proof, session } = await loginWithRefresh(test);
      const bob = await loginWithRefresh(test, { userId: 'bob' });
      const other = await loginWithRefresh(test);
      const plain = await test.login();
      const { familyHash, refreshHash } = refresh;
      const guesses = [
        forgedRefresh(refresh),
        { ...refresh, familyHash: refreshHash },
        { ...forgedRefresh(refresh), refreshHash },
        { ...refresh, familyHash: Buffer.alloc(32), refreshHash: Buffer.alloc(32) },
        { ...other.refresh, familyHash, refreshHash },
        { ...bob.refresh, familyHash, refreshHash },
        forgedRefresh(newRefreshToken(plain.proof)),
        newRefreshToken(newSession().proof),
        newRefreshToken(newSession({ userId: 'nobody' }).proof),
      ];
      const expectNothing = async () => {
        for (const guess of guesses)
          expect((await present(test, guess)).outcome).toEqual({ outcome: 'unknown' });
      };
      await expectNothing();
      expect((await test.lookUp(proof)).session).toEqual(session);
      const { refresh: next } = await refreshed(test, refresh);
      await expectNothing();
      await refreshed(test, next);
      await test.change({ block: { reason: 'spam' } });
      await expectNothing();
    });

    it.each<[string, string, (test: ContractTest, sessionId: string) => Promise<unknown>]>([
      ['a session that was ended', 'revoked', (test, id) => test.repository.revoke('ada', id, 'logout')],
      ['a session of an earlier epoch', 'revoked', (test) => test.repository.revokeAll('ada')],
      ['a blocked user', 'user_blocked', (test) => test.change({ block: { reason: 'spam' } })],
      [
        'a user who was blocked meanwhile',
        'revoked',
        async (test) => {
          await test.change({ block: { reason: 'spam' } });
          await test.change({ block: null });
        },
      ],
      ['a user who was erased', 'unknown', (test) => test.repository.users.erase('ada')],
      [
        'a user who was erased and made again',
        'unknown',
        async (test) => {
          await test.repository.users.erase('ada');
          await test.login();
        },
      ],
    ])('is refused to %s, for the current token and the one before', async (_, refusal, end) => {
      const test = await open();
      const { refresh, session } = await loginWithRefresh(test);
      const first = await refreshed(test, refresh);
      await end(test, session.id);
      for (const token of [first.refresh, refresh, otherOfFamily(refresh)]) {
        expect((await present(test, token)).what).toBe(refusal);
      }
      expect(await test.status(first.proof)).not.toBe('live');
    });

    it('is refused to a session that timed out; and keeps one alive that has not', async () => {
      const test = await open();
      const { refresh } = await loginWithRefresh(test, { lifetime: lifetimeOf(400, 1_500) });
      let current = refresh;
      for (let i = 0; i < 4; i++) {
        await test.advance(200);
        current = (await refreshed(test, current)).refresh; // a refresh is activity
      }
      await test.advance(500);
      expect((await present(test, current)).what).toBe('expired');
      const long = await loginWithRefresh(test, { lifetime: lifetimeOf(0, 300) });
      await test.advance(150);
      const { refresh: next, outcome } = await refreshed(test, long.refresh);
      expect(outcome.tokenEndsAt).toBe(outcome.session.absoluteExpiresAt); // with the session, if that is nearer
      await test.advance(200);
      expect((await present(test, next)).what).toBe('expired'); // but a refresh is no authentication
    });

    it('asks for a load where the record is absent or too old, and only for a right family', async () => {
      const test = await open({ maxStateAgeMs: 150 });
      await test.load({ roles: ['user'] });
      const { refresh } = await loginWithRefresh(test, { createUser: false });
      await test.advance(250);
      expect((await present(test, refresh)).outcome).toEqual({ kind: 'load', userId: 'ada' });
      expect((await present(test, forgedRefresh(refresh))).what).toBe('unknown');
      await test.load({ roles: ['user'] });
      await refreshed(test, refresh);
    });
  });

  describe('the grace of a refresh token', () => {
    it('ends: then it was used before', async () => {
      const test = await open();
      const { refresh } = await loginWithRefresh(test);
      const first = await refreshed(test, refresh, { graceMs: 300 });
      await test.advance(100);
      expect((await refreshed(test, refresh)).refresh).toEqual(first.refresh);
      await test.advance(250);
      expect((await present(test, refresh)).what).toBe('reused');
    });

    it('of 0 is none', async () => {
      const test = await open();
      const { refresh } = await loginWithRefresh(test);
      await refreshed(test, refresh, { graceMs: 0 });
      expect((await present(test, refresh, { graceMs: 0 })).what).toBe('reused');
    });

    it('of 0: of 20 that come at once one gets tokens, and they are worth nothing', async () => {
      const test = await open();
      const { refresh } = await loginWithRefresh(test);
      const all = await times(20, () => present(test, refresh, { graceMs: 0 }));
      const got = all.flatMap(({ pair }) => (pair ? [pair] : []));
      expect(got).toHaveLength(1);
      expect(all.filter(({ what }) => what === 'reused')).toHaveLength(1);
      expect(await test.status(got[0]!.proof)).toBe('revoked');
    });
  });

  describe('an access token beside refresh tokens', () => {
    it('ends by its own time, and its session goes on', async () => {
      const test = await open({ touchIntervalMs: 0 });
      const { refresh, proof, session } = await loginWithRefresh(test, { accessTokenTtlMs: 200 });
      expect(await test.lookUp(proof)).toMatchObject({
        status: 'live',
        tokenEndsAt: session.createdAt + 200,
      });
      await test.advance(250);
      expect(await test.status(proof)).toBe('expired');
      const listed = await test.repository.list('ada');
      expect(listed).toHaveLength(1);
      // Nothing of that was activity.
      expect(listed[0]!.lastSeenAt).toBeLessThan(session.createdAt + 200);
      expect(await test.repository.revokeAll('ada', proof)).toEqual({ outcome: 'refused' });
      expect((await test.replace(proof)).outcome).toEqual({ outcome: 'refused' });
      const first = await refreshed(test, refresh);
      expect(await test.status(first.proof)).toBe('live');
      expect(await test.status(proof)).toBe('expired');
    });

    it('of before is good for the grace, and for no longer than it was', async () => {
      const test = await open();
      const one = await loginWithRefresh(test);
      await refreshed(test, one.refresh, { graceMs: 300 });
      const two = await loginWithRefresh(test, { accessTokenTtlMs: 300 });
      await refreshed(test, two.refresh);
      const three = await loginWithRefresh(test);
      await refreshed(test, three.refresh, { graceMs: 0 });
      expect(await test.statuses([one, two, three])).toEqual(['live', 'live', 'expired']);
      // It may act, too.
      expect(await test.repository.revokeAll('ada', one.proof)).toMatchObject({ outcome: 'revoked' });
      await test.advance(350);
      expect(await test.statuses([one])).toEqual(['expired']);
    });

    it('is replaced together with the refresh token: of neither is anything left', async () => {
      const test = await open();
      const { refresh, proof } = await loginWithRefresh(test);
      const first = await refreshed(test, refresh);
      const renewed = newRefreshToken(proof);
      const replaced = await test.replaced(first.proof, { family: familyOf(renewed), reauthenticated: true });
      expect(await test.status(first.proof)).toBe('revoked');
      expect(await test.status(proof)).toBe('unknown');
      for (const old of [refresh, first.refresh, otherOfFamily(refresh)]) {
        expect((await present(test, old)).outcome).toEqual({ outcome: 'revoked' });
      }
      expect((await present(test, forgedRefresh(refresh))).what).toBe('unknown');
      expect(await test.lookUp(replaced.proof)).toMatchObject({
        status: 'live',
        tokenEndsAt: replaced.now + HOUR_MS / 2,
      });
      const next = await refreshed(test, renewed);
      expect((await present(test, refresh)).what).toBe('revoked');
      await refreshed(test, next.refresh);
    });

    it('may be replaced by one of before, within its grace', async () => {
      const test = await open();
      const { refresh, proof } = await loginWithRefresh(test);
      const first = await refreshed(test, refresh);
      const replaced = await test.replaced(proof, { family: familyOf(newRefreshToken(proof)) });
      expect(await test.status(replaced.proof)).toBe('live');
      expect(await test.status(first.proof)).toBe('revoked');
      expect(await test.status(proof)).toBe('unknown');
      expect((await present(test, first.refresh)).what).toBe('revoked');
    });

    it('without any to come lives as long as the session: where the option was switched', async () => {
      const test = await open();
      const { refresh, proof } = await loginWithRefresh(test, { rememberMe: true, accessTokenTtlMs: 10_000 });
      const without = await test.replaced(proof, { assurance: 'aal2' });
      expect((await present(test, refresh)).what).toBe('revoked');
      const lookup = await test.lookUp(without.proof);
      expect(lookup.tokenEndsAt).toBeUndefined();
      expect(lookup.session).toMatchObject({ rememberMe: true, assurance: 'aal2' });
      const renewed = newRefreshToken(proof);
      const again = await test.replaced(without.proof, { family: familyOf(renewed) });
      expect((await test.lookUp(again.proof)).session).toMatchObject({ rememberMe: true, assurance: 'aal2' });
      await refreshed(test, renewed);
    });

    it('of a login without refresh tokens knows none', async () => {
      const test = await open();
      const { proof } = await test.login();
      expect((await test.lookUp(proof)).tokenEndsAt).toBeUndefined();
      expect((await present(test, newRefreshToken(proof))).what).toBe('unknown');
    });
  });

  describe('who refreshes', () => {
    it('is what the session is known by from then on, as far as that is known', async () => {
      const test = await open();
      const { refresh, session } = await loginWithRefresh(test);
      const first = await refreshed(test, refresh, { device: LAPTOP });
      expect(first.outcome.session.device).toEqual({ name: session.device.name, ...LAPTOP });
      const second = await refreshed(test, first.refresh, { device: { ...PHONE, ip: '' } });
      const device = { name: session.device.name, userAgent: PHONE.userAgent, ip: LAPTOP.ip };
      expect(second.outcome.session.device).toEqual(device);
      const again = await refreshed(test, first.refresh, { device: LAPTOP });
      expect(again.outcome.session.device).toEqual(device);
      expect((await test.repository.list('ada'))[0]?.device).toEqual(device);
    });

    it('is announced: a refresh, one from elsewhere, and one with a used token with both devices', async () => {
      const test = await open();
      const { refresh, session } = await loginWithRefresh(test);
      const odd = { userAgent: 'a b\u00e9%-~"{}', ip: '2001:db8::7' };
      const heard = await hear(test);
      const first = await refreshed(test, refresh, { device: PHONE });
      await refreshed(test, refresh, { device: odd });
      const second = await refreshed(test, first.refresh, { device: LAPTOP });
      await present(test, forgedRefresh(refresh), { device: odd });
      await present(test, refresh, { device: odd });
      await present(test, second.refresh, { device: LAPTOP });
      const deadline = Date.now() + 2_000;
      while (heard.length < 5 && Date.now() < deadline) await test.advance(10);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const { id: userId, version, epoch } = second.outcome.user;
      const about = { userId, userRef: refresh.userRef, version, epoch, sessionId: session.id };
      expect(heard).toEqual([
        { name: 'session.refreshed', ...about },
        { name: 'refresh.device_changed', ...about, devices: { session: PHONE, presented: odd } },
        { name: 'session.refreshed', ...about },
        { name: 'refresh.device_changed', ...about, devices: { session: PHONE, presented: LAPTOP } },
        { name: 'refresh.reused', ...about, devices: { session: LAPTOP, presented: odd } },
      ]);
    });
  });

  it('neither an access token nor a refresh token passes for the other', async () => {
    const test = await open();
    const { refresh, proof } = await loginWithRefresh(test);
    const { userRef, sessionId, familyHash, refreshHash } = refresh;
    for (const tokenHash of [familyHash, refreshHash]) {
      expect(await test.status({ userRef, sessionId, tokenHash })).toBe('unknown');
    }
    expect((await present(test, { ...refresh, familyHash: proof.tokenHash })).what).toBe('unknown');
    expect(await test.status(forged(proof))).toBe('unknown');
    expect(await test.status(pairOf(refresh, Buffer.alloc(16)).proof)).toBe('unknown');
    await test.advance(GRACE_MS / 1_000);
    expect(await test.status(proof)).toBe('live');
  });
}
