import { promisify } from 'node:util';
import { Controller, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AuthGuard } from '@nestjs/passport';
import { OptionalSession, Public, SessionGuard, SessionService } from '@latchkey/session';
import { type LatchkeyRequest, SessionPassportModule } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import expressSession from 'express-session';
import passport from 'passport';
import { PLATFORMS, type RunningApp, startApp, stopApps } from '../support/library-app.js';

interface Reply {
  status(code: number): Reply;
  send(body: object): void;
}

const failures: Error[] = [];

@Controller()
class LogOuts {
  @UseGuards(AuthGuard('latchkey'))
  @Post('promise')
  async promise(@Req() request: LatchkeyRequest) {
    await request.logOut();
    return { user: request.user };
  }
  @UseGuards(SessionGuard)
  @Post('callback')
  callback(@Req() request: LatchkeyRequest, @Res() response: Reply) {
    request.logout((error) => response.status(error ? 503 : 201).send({ user: request.user }));
  }
  @UseGuards(SessionGuard)
  @Post('promisified')
  async promisified(@Req() request: LatchkeyRequest) {
    await promisify((done: (error: unknown) => void) => request.logOut({ keepSessionInfo: false }, done))();
    return { user: request.user };
  }
  @UseGuards(SessionGuard)
  @Post('late')
  late(@Req() request: LatchkeyRequest, @Res() response: Reply) {
    response.status(202).send({});
    setImmediate(() => void request.logOut().catch((error: Error) => failures.push(error)));
  }
  @UseGuards(SessionGuard)
  @OptionalSession()
  @Post('optional')
  async optional(@Req() request: LatchkeyRequest) {
    await request.logout();
    return { user: request.user };
  }
  @UseGuards(SessionGuard)
  @Public()
  @Post('public')
  async open(@Req() request: LatchkeyRequest) {
    await request.logOut().catch((error: Error) => Promise.reject(new TypeError(error.message)));
  }
}

describe.each(PLATFORMS)('request.logOut() on $name', (platform) => {
  let running: RunningApp;
  const post = (path: string, headers: Readonly<Record<string, string>>) =>
    running.http.post(path).set(headers);

  beforeAll(async () => {
    running = await startApp({
      platform,
      controllers: [LogOuts],
      module: { imports: [SessionPassportModule] },
    });
  });
  afterAll(stopApps);

  it.each(['/promise', '/callback', '/promisified', '/optional'])(
    'ends the session and takes its cookie back: %s',
    async (path) => {
      const { cookie } = await loginAs(running.app, { userId: 'alice' });
      const other = await loginAs(running.app, { userId: 'alice' });
      const reply = await post(path, { cookie });
      expect([reply.status, reply.body]).toEqual([201, { user: null }]);
      expect(String(reply.headers['set-cookie'])).toMatch(/^__Host-session=; .*Max-Age=0/);
      expect((await post('/promise', { cookie })).body.code).toBe('session_revoked');
      // No session but that one.
      const left = await running.app.get(SessionService).list('alice');
      expect(left.map(({ id }) => id)).toEqual([other.session.id]);
      await running.app.get(SessionService).revokeAll('alice');
    },
  );

  it('ends the session after the reply, too', async () => {
    const { cookie } = await loginAs(running.app, { userId: 'carl' });
    expect((await post('/late', { cookie })).status).toBe(202);
    const sessions = running.app.get(SessionService);
    for (let i = 0; i < 100 && (await sessions.list('carl')).length > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await sessions.list('carl')).toEqual([]);
    expect(failures).toEqual([]);
  });

  it('has nobody to log out where there is no session', async () => {
    const reply = await post('/optional', {});
    expect([reply.status, reply.body]).toEqual([201, { user: null }]);
  });

  it('claims nothing where no guard looked for a session', async () => {
    const { cookie, session } = await loginAs(running.app, { userId: 'bob' });
    expect((await post('/public', { cookie })).status).toBe(500);
    expect((await running.app.get(SessionService).list('bob')).map(({ id }) => id)).toEqual([session.id]);
  });
});

describe.each(PLATFORMS)('request.logOut() on $name, with the storage away', (platform) => {
  afterEach(stopApps);

  it.each(['/promise', '/callback'])('fails, and leaves the cookie for another try: %s', async (path) => {
    const running = await startApp({
      platform,
      controllers: [LogOuts],
      module: { imports: [SessionPassportModule] },
    });
    const { cookie } = await loginAs(running.app, { userId: 'alice' });
    const sessions = running.app.get(SessionService);
    sessions.revoke = () => {
      running.breakStore();
      return sessions.list('alice') as never;
    };
    const reply = await running.http.post(path).set({ cookie });
    expect(reply.status).toBe(503);
    expect(reply.headers).not.toHaveProperty('set-cookie');
  });
});

describe('request.logOut() beside express-session', () => {
  let running: RunningApp;

  beforeAll(async () => {
    passport.serializeUser((user, done) => done(null, user));
    passport.deserializeUser((user: Express.User, done) => done(null, user));
    running = await startApp({
      controllers: [LogOuts],
      module: { imports: [SessionPassportModule] },
      prepare: (app) => {
        const express = app as NestExpressApplication;
        express.use(expressSession({ secret: 'for this test', resave: false, saveUninitialized: false }));
        express.use(passport.initialize());
        express.use(passport.session());
        express.use('/passport-login', (request: Express.Request, response: { end(): void }) => {
          request.logIn({ id: 'of passport' }, () => response.end());
        });
        express.use('/passport-who', (request: Express.Request, response: { end(text: string): void }) => {
          response.end(String(request.isAuthenticated()));
        });
      },
    });
  });
  afterAll(stopApps);

  it("ends Passport's session, too, and alone where there is no other", async () => {
    const passportLogin = async () =>
      String((await running.http.post('/passport-login')).headers['set-cookie']).split(';')[0] ?? '';
    const who = async (cookie: string) => (await running.http.get('/passport-who').set({ cookie })).text;

    const both = await passportLogin();
    expect(await who(both)).toBe('true');
    const { cookie } = await loginAs(running.app, { userId: 'alice' });
    expect((await running.http.post('/promise').set({ cookie: `${cookie}; ${both}` })).status).toBe(201);
    expect(await who(both)).toBe('false');
    expect(await running.app.get(SessionService).list('alice')).toEqual([]);

    const alone = await passportLogin();
    expect((await running.http.post('/public').set({ cookie: alone })).status).toBe(201);
    expect(await who(alone)).toBe('false');
  });
});
