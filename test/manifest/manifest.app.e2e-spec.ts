import type { Provider, Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { PolicyManifest, SessionGuard, SessionModule, type PolicyEntry } from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { stopApps } from '../support/library-app.js';
import * as handlers from './support/handlers.js';
import { manifestOf, type AppOptions } from './support/manifest-of.js';

/** Before anything is served. */
async function manifestWithoutServer(
  providers: Provider[],
  controllers: Type[] = [],
): Promise<{ entries: PolicyEntry[] }> {
  const testing = await Test.createTestingModule({
    imports: [SessionModule.forRoot({ allowMemoryInProduction: true })],
    providers,
    controllers,
  }).compile();
  const entries = testing.get(PolicyManifest).list();
  await testing.close();
  return { entries };
}

const summary = ({ method, path, handler, access }: PolicyEntry) => `${method} ${path} ${handler} ${access}`;

afterEach(stopApps);

describe('the access that PolicyManifest lists', () => {
  it.each<[string, AppOptions]>([
    ["guard: 'global'", { session: { guard: 'global' } }],
    ['APP_GUARD', { module: { providers: [{ provide: APP_GUARD, useClass: handlers.StricterGuard }] } }],
    [
      'APP_GUARD, one for each request',
      { module: { providers: [{ provide: APP_GUARD, useClass: handlers.GuardOfEachRequest }] } },
    ],
    ['useGlobalGuards', { prepare: (app) => app.useGlobalGuards(app.get(SessionGuard)) }],
  ])('is guarded by %s wherever nothing else is said', async (_, options) => {
    const { entries } = await manifestOf([handlers.Plain], options);
    expect(entries.map(summary)).toEqual([
      'GET /plain Plain.read guarded',
      'GET /plain/open Plain.open public',
      'GET /plain/optional Plain.optional optional',
    ]);
  });

  it('is unguarded without a guard, unless it is public', async () => {
    const { entries } = await manifestOf([handlers.Plain], {
      prepare: (app) => app.useGlobalGuards(new handlers.OfficeHours()),
    });
    expect(entries.map(summary)).toEqual([
      'GET /plain Plain.read unguarded',
      'GET /plain/open Plain.open public',
      'GET /plain/optional Plain.optional unguarded',
    ]);
    for (const { otherGuards } of entries) expect(otherGuards).toEqual(['OfficeHours']);
  });

  it('is guarded by a guard on the class, on the handler, and by one that extends ours', async () => {
    const { entries } = await manifestOf([handlers.GuardedClass, handlers.GuardedHandler]);
    expect(entries.map(summary)).toEqual([
      'GET /class GuardedClass.read guarded',
      'GET /class/open GuardedClass.open public',
      'GET /class/optional GuardedClass.optional optional',
      'GET /handler/guarded GuardedHandler.guarded guarded',
      'GET /handler/open GuardedHandler.open unguarded',
      'GET /handler/stricter GuardedHandler.stricter guarded',
    ]);
    expect(entries.filter(({ otherGuards }) => otherGuards).map(({ path }) => path)).toEqual([
      '/handler/guarded',
      '/handler/open',
    ]);
  });

  it('follows inheritance: guards, roles and handlers of the base, and what replaces them', async () => {
    const { entries } = await manifestOf([handlers.Child, handlers.StricterChild], {
      session: { permissions: { editor: ['post:write'], admin: ['post:write', 'post:delete'] } },
    });
    const own = { kind: 'http', method: 'GET' };
    const inherited = { access: 'guarded', permissions: ['post:write'] };
    const replaced = {
      access: 'guarded',
      roles: [['user', 'editor'], ['admin']],
      permissions: ['post:delete'],
      fresh: '90s',
    };
    const writers = ['editor', 'admin'];
    expect(entries).toEqual([
      {
        ...own,
        path: '/child/inherited',
        handler: 'Child.inherited',
        ...inherited,
        roles: [['admin'], writers],
      },
      { ...own, path: '/child/replaced', handler: 'Child.replaced', ...replaced },
      {
        ...own,
        path: '/stricter-child/inherited',
        handler: 'StricterChild.inherited',
        ...inherited,
        roles: [['auditor'], writers],
      },
      {
        ...own,
        path: '/stricter-child/overridden',
        handler: 'StricterChild.overridden',
        ...inherited,
        roles: [['auditor'], writers],
      },
      {
        ...own,
        path: '/stricter-child/own',
        handler: 'StricterChild.own',
        ...inherited,
        roles: [['auditor'], writers],
        assurance: 'aal2',
      },
      {
        ...own,
        path: '/stricter-child/own/leaving',
        handler: 'StricterChild.leaving',
        ...inherited,
        roles: [['auditor'], writers],
        fresh: '0ms',
        allowExpired: true,
      },
      { ...own, path: '/stricter-child/own/open', handler: 'StricterChild.opened', access: 'public' },
      { ...own, path: '/stricter-child/replaced', handler: 'StricterChild.replaced', ...replaced },
    ]);
  });

  it('is guarded by a guard that says so, and names it', async () => {
    const { entries } = await manifestOf([handlers.Maintained]);
    expect(entries).toMatchObject([{ access: 'guarded', roles: [['admin']], otherGuards: ['Maintenance'] }]);
  });

  it('has quotas that add up, also on what is public, and none that nothing enforces', async () => {
    const { entries } = await manifestOf([handlers.Limited]);
    const visits = { name: 'visits', quota: 9, windowMs: 3_600_000, burst: 9, by: 'ip' };
    const posts = { name: 'posts', quota: 30, windowMs: 60_000, burst: 30, by: 'user' };
    expect(entries.map(({ path, access, quotas }) => ({ path, access, quotas }))).toEqual([
      { path: '/limited/guarded', access: 'guarded', quotas: [posts, visits] },
      { path: '/limited/open', access: 'public', quotas: [visits] },
    ]);
    const unlisted = await manifestWithoutServer([], [handlers.LimitedWithoutGuard]);
    expect(unlisted.entries[0]).not.toHaveProperty('quotas');
  });

  it('calls no gateway guarded where no adapter of ours checks sockets', async () => {
    const { entries } = await manifestWithoutServer([
      handlers.ChatGateway,
      handlers.PostResolver,
      { provide: APP_GUARD, useClass: handlers.GuardOfEachRequest },
    ]);
    expect(entries.map(({ handler, access }) => `${handler} ${access}`)).toEqual([
      'PostResolver.addPost guarded',
      'PostResolver.list guarded',
      'ChatGateway.handleConnection unguarded',
      'ChatGateway.mute refused',
      // Nest leaves global guards of each request out on WebSocket.
      'ChatGateway.say unguarded',
    ]);
  });

  it('tells WebSocket and GraphQL handlers by the metadata of their packages', async () => {
    const { entries } = await manifestOf([], {
      module: { providers: [handlers.ChatGateway, handlers.PostResolver] },
      prepare: (app) => app.useWebSocketAdapter(new SessionWsAdapter(app)),
    });
    const graphql = { kind: 'graphql', access: 'unguarded' };
    const websocket = { kind: 'websocket', path: '/ws', access: 'guarded' };
    expect(entries).toEqual([
      { ...graphql, method: 'MUTATION', path: 'addPost', handler: 'PostResolver.addPost' },
      { ...graphql, method: 'QUERY', path: 'posts', handler: 'PostResolver.list' },
      { ...websocket, method: 'CONNECT', handler: 'ChatGateway.handleConnection' },
      {
        ...websocket,
        method: 'MESSAGE',
        message: 'mute',
        handler: 'ChatGateway.mute',
        roles: [['moderator']],
      },
      { ...websocket, method: 'MESSAGE', message: '{"cmd":"say"}', handler: 'ChatGateway.say' },
    ]);
  });
});
