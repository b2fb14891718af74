import { Controller, Get, Head, UseGuards } from '@nestjs/common';
import { CurrentUser, OptionalSession, Public, Roles, SessionGuard, type UserState } from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';

@Controller('undecorated')
class Undecorated {
  @Get()
  get(@CurrentUser() user: UserState) {
    return { user: user.id };
  }

  @UseGuards(SessionGuard)
  @Roles('admin')
  @Get('twice')
  twice() {
    return {};
  }

  @OptionalSession()
  @UseGuards(SessionGuard)
  @Get('optional-twice')
  optionalTwice(@CurrentUser() user?: UserState) {
    return { user: user?.id ?? null };
  }
}

@Public()
@Controller('public')
class PublicClass {
  @Get()
  get(@CurrentUser() user?: UserState) {
    return { user: user?.id ?? null };
  }

  @Head('head')
  head() {}

  @Roles('admin')
  @Get('admin')
  admin() {
    return {};
  }
}

describe.each(PLATFORMS)("SessionGuard with guard: 'global', on $name", (platform) => {
  let running: RunningApp;
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    running.http.get(path).set(headers);

  beforeAll(async () => {
    running = await startApp({
      platform,
      controllers: [Undecorated, PublicClass],
      session: { guard: 'global' },
    });
  });
  afterAll(stopApps);

  it('guards a handler that says nothing', async () => {
    const { headers } = await loginAs(running.app, { userId: 'alice' });
    expect((await get('/undecorated')).status).toBe(401);
    expect((await get('/undecorated', headers)).body).toEqual({ user: 'alice' });
  });

  it('lets everybody in to what is public', async () => {
    expect((await get('/public')).body).toEqual({ user: null });
    expect((await get('/public', { authorization: 'Bearer junk' })).status).toBe(200);
    expect((await running.http.head('/public/head')).status).toBe(200);
  });

  it('guards a handler with a requirement in a public class', async () => {
    const { headers } = await loginAs(running.app, { userId: 'alice', roles: [] });
    expect((await get('/public/admin')).status).toBe(401);
    expect((await get('/public/admin', headers)).status).toBe(403);
    const root = await loginAs(running.app, { userId: 'root', roles: ['admin'] });
    expect((await get('/public/admin', root.headers)).status).toBe(200);
  });

  it('authenticates once where the guard stands twice', async () => {
    const { headers } = await loginAs(running.app, { userId: 'root', roles: ['admin'] });
    running.calls.length = 0;
    expect((await get('/undecorated/twice', headers)).status).toBe(200);
    expect((await get('/undecorated/optional-twice', headers)).body).toEqual({ user: 'root' });
    expect(running.calls).toEqual(['authenticate', 'authenticate']);
    expect((await get('/undecorated/optional-twice')).body).toEqual({ user: null });
    expect((await get('/undecorated/twice')).status).toBe(401);
  });

  it('answers 404 for what is not there', async () => {
    expect((await get('/nothing')).status).toBe(404);
  });
});

describe.each(PLATFORMS)('SessionGuard without its store, on $name', (platform) => {
  afterEach(stopApps);

  it('refuses with 503, also where a session is optional, and only there where none is looked at', async () => {
    const running = await startApp({
      platform,
      controllers: [Undecorated, PublicClass],
      session: { guard: 'global' },
    });
    const { headers } = await loginAs(running.app, { userId: 'alice' });
    running.breakStore();
    for (const path of ['/undecorated', '/undecorated/optional-twice']) {
      const refused = await running.http.get(path).set(headers);
      expect(refused.status).toBe(503);
      expect(refused.headers['retry-after']).toBe('1');
      expect(refused.body.code).toBe('session_store_unavailable');
      expect(refused.text).not.toContain('ECONNREFUSED');
    }
    expect((await running.http.get('/public').set(headers)).status).toBe(200);
    expect((await running.http.get('/undecorated')).status).toBe(401);
  });
});
