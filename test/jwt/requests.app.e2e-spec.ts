import type { KeyObject } from 'node:crypto';
import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportModule } from '@nestjs/passport';
import {
  AllowExpired,
  CurrentSession,
  CurrentUser,
  SessionGuard,
  SessionService,
  type Session,
  type UserState,
} from '@latchkey/session';
import { JwksController } from '@latchkey/session/jwt';
import { SessionPassportModule } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';
import { ALGORITHMS, compact, contentOf, newKey, ringKey } from './support/keys.js';

@Controller()
class AppController {
  constructor(private readonly sessions: SessionService) {}

  @UseGuards(SessionGuard)
  @Get('me')
  me(@CurrentUser() { id }: UserState) {
    return { id };
  }

  @UseGuards(AuthGuard('latchkey'))
  @Get('me-by-passport')
  meByPassport(@CurrentUser() { id }: UserState) {
    return { id };
  }

  @UseGuards(SessionGuard)
  @AllowExpired()
  @Post('logout')
  @HttpCode(204)
  async logout(@CurrentSession() session: Session) {
    await this.sessions.revoke(session.userId, session.id, 'logout');
  }
}

const ISSUER = 'https://app.example';
const AUDIENCE = 'https://api.example';

afterEach(stopApps);

describe.each(PLATFORMS)('JWTs on $name', (platform) => {
  const start = (algorithm: (typeof ALGORITHMS)[number], key: KeyObject): Promise<RunningApp> =>
    startApp({
      platform,
      controllers: [AppController, JwksController],
      module: { imports: [PassportModule, SessionPassportModule] },
      session: {
        accessToken: 'jwt',
        jwt: { algorithm, issuer: ISSUER, audience: AUDIENCE, keys: [ringKey('a', key)] },
      },
    });

  it('travel as cookie and bearer, with the guard and with Passport, and die with their session', async () => {
    const key = newKey('ES256');
    const { app, http, calls } = await start('ES256', key);
    const { token, authorization, cookie, session } = await loginAs(app, { userId: 'ada' });
    expect(token.split('.')).toHaveLength(3);
    const forged = compact(contentOf(token).header, contentOf(token).claims, {
      algorithm: 'ES256',
      key: newKey('ES256'),
    });
    for (const path of ['/me', '/me-by-passport']) {
      expect((await http.get(path).set('Authorization', authorization).expect(200)).body).toEqual({
        id: 'ada',
      });
      expect((await http.get(path).set('Cookie', cookie).expect(200)).body).toEqual({ id: 'ada' });
      await http.get(path).set('Cookie', cookie).set('Authorization', authorization).expect(400);
      calls.length = 0;
      for (const name of ['Authorization', 'Cookie']) {
        const value = name === 'Cookie' ? `__Host-session=${forged}` : `Bearer ${forged}`;
        const refused = await http.get(path).set(name, value).expect(401);
        expect(refused.body.code).toBe('session_invalid');
        expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
      }
      expect(calls).toEqual([]);
    }
    await app.get(SessionService).revoke('ada', session.id);
    for (const path of ['/me', '/me-by-passport']) {
      expect((await http.get(path).set('Authorization', authorization).expect(401)).body.code).toBe(
        'session_revoked',
      );
    }
  });

  it('that are over say session_expired, and can still log out', async () => {
    const key = newKey('EdDSA');
    const { app, http, clock, calls } = await start('EdDSA', key);
    const { authorization } = await loginAs(app, { userId: 'ada' });
    clock.advance('50m');
    await http.get('/me').set('Authorization', authorization).expect(200);
    clock.advance('61m');
    expect((await http.get('/me').set('Authorization', authorization).expect(401)).body.code).toBe(
      'session_expired',
    );

    // By the token's own time, the session living on: as after a role's shorter lifetime.
    const living = await loginAs(app, { userId: 'ada' });
    const { header, claims } = contentOf(living.token);
    const exp = Math.floor(clock.now() / 1_000) - 31;
    const over = compact(header, { ...claims, iat: exp, nbf: exp, exp }, { algorithm: 'EdDSA', key });
    calls.length = 0;
    const refused = await http.get('/me').auth(over, { type: 'bearer' }).expect(401);
    expect(refused.body.code).toBe('session_expired');
    expect(calls).toEqual(['authenticate']);
    await http.get('/me').set('Authorization', living.authorization).expect(200);
    await http.post('/logout').auth(over, { type: 'bearer' }).expect(204);
    expect((await http.get('/me').set('Authorization', living.authorization).expect(401)).body.code).toBe(
      'session_revoked',
    );
  });

  it.each(ALGORITHMS)(
    'by %s can be verified with the published keys, and with nothing that is not',
    async (algorithm) => {
      const key = newKey(algorithm);
      const { app, http } = await start(algorithm, key);
      const { token, session } = await loginAs(app, { userId: 'ada' });
      const reply = await http.get('/.well-known/jwks.json').expect(200);
      expect(reply.headers['cache-control']).toBe('public, max-age=300');
      const { d, k, p, q, dp, dq, qi } = key.export({ format: 'jwk' });
      for (const secret of [d, k, p, q, dp, dq, qi]) if (secret) expect(reply.text).not.toContain(secret);
      if (algorithm === 'HS256') {
        expect(reply.body).toEqual({ keys: [] });
        return;
      }
      expect(reply.body.keys).toEqual([expect.objectContaining({ kid: 'a', alg: algorithm, use: 'sig' })]);
      const keys = createRemoteJWKSet(new URL(`${await app.getUrl()}/.well-known/jwks.json`));
      const { payload } = await jwtVerify(token, keys, {
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: 'at+jwt',
        currentDate: new Date(session.createdAt),
      });
      expect(payload).toMatchObject({ sub: 'ada', sid: session.id });
    },
  );
});

describe('opaque tokens', () => {
  it('have no keys to publish', async () => {
    const { http } = await startApp({ controllers: [JwksController] });
    expect((await http.get('/.well-known/jwks.json').expect(200)).body).toEqual({ keys: [] });
  });

  it('are refused where JWTs are used, and the other way round', async () => {
    const key = newKey('EdDSA');
    const jwt = {
      algorithm: 'EdDSA',
      issuer: ISSUER,
      audience: AUDIENCE,
      keys: [ringKey('a', key)],
    } as const;
    const opaque = await startApp({ controllers: [AppController] });
    const signed = await startApp({ controllers: [AppController], session: { accessToken: 'jwt', jwt } });
    for (const [from, to] of [
      [opaque, signed],
      [signed, opaque],
    ] as const) {
      const { authorization } = await loginAs(from.app, { userId: 'ada' });
      await loginAs(to.app, { userId: 'ada' });
      to.calls.length = 0;
      const refused = await to.http.get('/me').set('Authorization', authorization).expect(401);
      expect(refused.body.code).toBe('session_invalid');
      expect(to.calls).toEqual([]);
    }
  });
});
