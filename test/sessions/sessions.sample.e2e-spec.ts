import { FakeClock } from '../../libs/session/src/testing/fake-clock.js';
import { cookieOf, expectProblem } from '../sample/support/client.js';
import { describeSample, PASSWORD, Sample } from '../sample/support/sample.js';

describeSample(
  '/sessions',
  (sample) => {
    it('lists my devices, newest first', async () => {
      const phone = await sample().newcomer();
      const laptop = await sample().anybody().login(phone.username, PASSWORD, {
        deviceName: 'Laptop',
        userAgent: 'curl/8.1',
        transport: 'cookie',
      });
      const tablet = await sample().anybody().login(phone.username, PASSWORD, { deviceName: 'Tablet' });
      const reply = await laptop.get('/sessions').expect(200);
      expect(reply.headers['cache-control']).toBe('no-store');
      expect(reply.body.sessions.map(({ id }: { id: string }) => id)).toEqual([
        tablet.sessionId,
        laptop.sessionId,
        phone.sessionId,
      ]);
      expect(reply.body.sessions[1]).toEqual({
        id: laptop.sessionId,
        current: true,
        device: { name: 'Laptop', userAgent: 'curl/8.1', ip: '127.0.0.1' },
        createdAt: expect.any(String),
        lastSeenAt: expect.any(String),
        expiresAt: expect.any(String),
        absoluteExpiresAt: expect.any(String),
      });
      expect(reply.body.sessions.map(({ current }: { current: boolean }) => current)).toEqual([
        false,
        true,
        false,
      ]);
      expect(reply.text).not.toMatch(/lk_|eyJ/);
    });

    it('logs one device out', async () => {
      const phone = await sample().newcomer();
      const laptop = await sample().anybody().login(phone.username, PASSWORD);
      const reply = await phone.delete(`/sessions/${laptop.sessionId}`).expect(204);
      expect(reply.text).toBe('');
      expect(await laptop.denial()).toBe('session_revoked');
      expect(await phone.denial()).toBeUndefined();
      expectProblem(await phone.delete(`/sessions/${laptop.sessionId}`), 404, 'not_found');
    });

    it('takes the cookie back from a browser that logs its own session out', async () => {
      const phone = await sample().newcomer();
      const browser = await sample().anybody().login(phone.username, PASSWORD, { transport: 'cookie' });
      expect(cookieOf(await browser.delete(`/sessions/${phone.sessionId}`).expect(204))).toBeUndefined();
      expect(cookieOf(await browser.delete(`/sessions/${browser.sessionId}`).expect(204))).toBe('');
      expect(await browser.denial()).toBe('session_revoked');
    });

    it("does not reach another user's session", async () => {
      const [alice, bob] = [await sample().as('alice'), await sample().as('bob')];
      expectProblem(await alice.delete(`/sessions/${bob.sessionId}`), 404, 'not_found');
      expect(await bob.denial()).toBeUndefined();
    });

    it.each(['x', 'A'.repeat(16), '..%2f..%2fetc', '%00', 'a'.repeat(3_000), '__proto__'])(
      'answers 404 for the id %.20s',
      async (id) => {
        const alice = await sample().as('alice');
        expectProblem(await alice.delete(`/sessions/${id}`), 404, 'not_found');
      },
    );

    it('logs all other devices out', async () => {
      const here = await sample().newcomer();
      const there = await sample().anybody().login(here.username, PASSWORD);
      const gone = await sample().anybody().login(here.username, PASSWORD);
      await gone.post('/auth/logout').expect(204);
      expect((await here.delete('/sessions?scope=others').expect(200)).body).toEqual({ revoked: 1 });
      expect(await there.denial()).toBe('session_revoked');
      expect(await here.denial()).toBeUndefined();
      expect((await here.delete('/sessions?scope=others').expect(200)).body).toEqual({ revoked: 0 });
    });

    it('logs all devices out', async () => {
      const here = await sample().newcomer();
      const there = await sample().anybody().login(here.username, PASSWORD, { transport: 'cookie' });
      const reply = await there.delete('/sessions?scope=all').expect(200);
      expect(reply.body).toEqual({ revoked: 2 });
      expect(cookieOf(reply)).toBe('');
      expect(await here.denial()).toBe('session_revoked');
      expect(await there.denial()).toBe('session_revoked');
      await sample().anybody().login(here.username, PASSWORD);
    });

    it.each(['/sessions', '/sessions?scope=', '/sessions?scope=mine', '/sessions?scope=all&scope=others'])(
      'refuses DELETE %s',
      async (path) => {
        const alice = await sample().as('alice');
        const reply = await alice.delete(path);
        expectProblem(reply, 400, 'bad_request');
        expect(reply.body.errors).toEqual([{ field: 'scope', message: expect.any(String) }]);
        expect(await alice.denial()).toBeUndefined();
      },
    );

    it('is for those who are logged in', async () => {
      for (const test of [
        sample().anybody().get('/sessions'),
        sample().anybody().delete('/sessions?scope=all'),
        sample()
          .anybody()
          .delete(`/sessions/${'A'.repeat(16)}`),
      ]) {
        expectProblem(await test, 401, 'session_missing');
      }
    });
  },
  { alsoWithJwts: true },
);

describe('timeouts', () => {
  const clock = new FakeClock();
  let sample: Sample;

  beforeAll(async () => {
    sample = await Sample.start({ session: { clock } });
  });
  afterAll(() => sample.stop());

  it('end a session, which may still be logged out', async () => {
    const alice = await sample.as('alice', { transport: 'cookie' });
    clock.advance(3_600_001);
    expectProblem(await alice.get('/auth/me'), 401, 'session_expired');
    const reply = await alice.post('/auth/logout').expect(204);
    expect(cookieOf(reply)).toBe('');
  });

  it('ask an admin for a fresh login, and take a reauthentication for one', async () => {
    const [root, alice] = [await sample.as('root'), await sample.as('alice')];
    const promote = () => root.put(`/admin/users/${alice.userId}/roles`, { roles: ['user'] });
    clock.advance(600_000);
    await promote().expect(200);
    clock.advance(1);
    const denied = await promote();
    expectProblem(denied, 401, 'reauthentication_required');
    expect(denied.headers['www-authenticate']).toContain('max_age="600"');
    await root.get('/moderation/users').expect(200);
    const reply = await root.post('/auth/reauthenticate', { password: 'correct-horse-root' }).expect(200);
    root.token = reply.body.token;
    await promote().expect(200);
  });
});
