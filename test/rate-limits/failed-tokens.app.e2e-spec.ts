import { Controller, Get, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { OptionalSession, Public, RateLimit, SessionError, SessionService } from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import { mintToken, newSessionId, userRefOf } from '../../libs/session/src/token/session-token.js';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';

@Controller()
class AppController {
  @Get('guarded')
  @RateLimit({ name: 'mine', quota: 100, window: '1h', by: 'user' })
  guarded() {
    return {};
  }

  @Get('optional')
  @OptionalSession()
  optional() {
    return {};
  }

  @Get('by-passport')
  @Public()
  @UseGuards(AuthGuard('latchkey'))
  byPassport() {
    return {};
  }
}

/** Of the right form, and naming a user: all but the secret can be made up by anybody. */
const guess = (userId = 'ada') => mintToken({ userRef: userRefOf(userId), sessionId: newSessionId() }).token;

afterEach(stopApps);

describe.each(PLATFORMS)('tokens that nobody has, on $name', (platform) => {
  const start = (failedTokens?: { quota: number; window: '1m' } | false) =>
    startApp({
      platform,
      controllers: [AppController],
      session: { guard: 'global', trustProxy: 1, ...(failedTokens === undefined ? {} : { failedTokens }) },
      module: { imports: [SessionPassportModule] },
    });
  const get = ({ http }: RunningApp, token: string, { path = '/guarded', ip = '192.0.2.1' } = {}) =>
    http.get(path).set({ authorization: `Bearer ${token}`, 'x-forwarded-for': ip });

  it('are refused with 401, and with 429 when the client IP has used up its share, until it comes back', async () => {
    const running = await start({ quota: 3, window: '1m' });
    for (const path of ['/guarded', '/optional', '/by-passport']) {
      const refused = await get(running, guess(), { path });
      expect(refused.status).toBe(path === '/optional' ? 200 : 401);
      expect(String(refused.headers['ratelimit'])).not.toContain('failed');
    }
    for (const path of ['/guarded', '/optional', '/by-passport']) {
      const over = await get(running, guess(), { path }).expect(429);
      expect(over.body).toMatchObject({ code: 'rate_limited', 'violated-policies': ['failed-tokens'] });
      expect(over.headers['content-type']).toContain('application/problem+json');
      expect(over.headers['retry-after']).toBe('20');
      expect(over.headers['ratelimit']).toBe('"failed-tokens";r=0;t=20');
    }
    running.clock.advance('20s');
    await get(running, guess()).expect(401);
    await get(running, guess()).expect(429);
  });

  it('lock nobody else out who comes from there: a right token passes, and nothing of its user was counted', async () => {
    const running = await start({ quota: 2, window: '1m' });
    const { headers, session } = await loginAs(running.app, { userId: 'ada' });
    const token = String(headers['authorization']).slice('Bearer '.length);
    const forged = mintToken({ userRef: userRefOf('ada'), sessionId: session.id }).token;
    for (const status of [401, 401, 429, 429]) await get(running, forged).expect(status);
    const mine = await get(running, token).expect(200);
    expect(mine.headers['ratelimit']).toContain('"mine";r=99');
    await get(running, forged).expect(429);
    await get(running, token).expect(200);
    await get(running, token, { path: '/by-passport' }).expect(200);
  });

  it('are counted by client IP, IPv6 by /64, and only where the token could have been one', async () => {
    const running = await start({ quota: 1, window: '1m' });
    await get(running, guess(), { ip: '2001:db8::1' }).expect(401);
    await get(running, guess(), { ip: '2001:db8::ffff:1' }).expect(429);
    await get(running, guess(), { ip: '2001:db8:0:1::1' }).expect(401);
    await get(running, guess(), { ip: '192.0.2.2' }).expect(401);
    await get(running, guess(), { ip: '::ffff:192.0.2.2' }).expect(429);
    running.calls.length = 0;
    const broken = ['lk_nonsense', `${guess()}x`, 'eyJhbGciOiJub25lIn0.e30.', guess().slice(0, -1)];
    for (const token of broken) await get(running, token, { ip: '192.0.2.3' }).expect(401);
    await running.http.get('/guarded').set({ 'x-forwarded-for': '192.0.2.3' }).expect(401);
    expect(running.calls).toEqual([]);
    await get(running, guess(), { ip: '192.0.2.3' }).expect(401);
  });

  it('cost one call more than the check, and good requests none', async () => {
    const running = await start();
    const { headers, session } = await loginAs(running.app, { userId: 'ada' });
    const token = String(headers['authorization']).slice('Bearer '.length);
    running.calls.length = 0;
    await get(running, token).expect(200);
    expect(running.calls).toEqual(['authenticate']);
    await get(running, guess()).expect(401);
    expect(running.calls).toEqual(['authenticate', 'authenticate', 'quota']);
    running.calls.length = 0;
    await running.http.get('/optional').set(headers).expect(200);
    expect(running.calls).toEqual(['authenticate']);
    // Nor do tokens that somebody had.
    await running.app.get(SessionService).revoke('ada', session.id);
    running.calls.length = 0;
    await get(running, token).expect(401);
    expect(running.calls).toEqual(['authenticate']);
  });

  it('are 600 a minute if nothing else is said, or any number', async () => {
    const running = await start();
    const attempts = async (count: number) => {
      const statuses: number[] = [];
      for (let i = 0; i < count; i++) statuses.push((await get(running, guess())).status);
      return statuses;
    };
    expect(new Set(await attempts(600))).toEqual(new Set([401]));
    expect(await attempts(2)).toEqual([429, 429]);
    const unbounded = await start(false);
    unbounded.calls.length = 0;
    await get(unbounded, guess()).expect(401);
    expect(unbounded.calls).toEqual(['authenticate']);
  });

  it('are refused with 503 when they cannot be counted', async () => {
    const running = await start();
    const repository = running.app.get<object>(SESSION_REPOSITORY, { strict: false });
    const quota = () => Promise.reject(new SessionError('session_store_unavailable'));
    Object.assign(repository, { quota });
    await get(running, guess()).expect(503);
    await get(running, guess(), { path: '/optional' }).expect(503);
  });
});
