import type { INestApplication } from '@nestjs/common';
import { IpAllowlists, SessionService, UserStateService } from '@latchkey/session';
import { expectDenied, keepSecureCookies, loginAs } from '@latchkey/session/testing';
import request from 'supertest';
import { start } from '../../examples/tenants/app.js';

const HOSTS = { acme: 'acme.app.example', globex: 'globex.app.example' } as const;
type Tenant = keyof typeof HOSTS;

describe('examples/tenants', () => {
  let app: INestApplication;
  let url: string;
  beforeEach(async () => {
    app = await start(0);
    url = await app.getUrl();
    await app.get(IpAllowlists).set('office.acme', ['127.0.0.1']);
  });
  afterEach(() => app.close());

  const to = (
    tenant: Tenant,
    method: 'get' | 'post',
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ) => {
    const agent = request(url);
    return agent[method](path).set({ host: HOSTS[tenant], ...headers });
  };
  const login = (tenant: Tenant, username: string) =>
    to(tenant, 'post', '/auth/login').send({ username, password: `${username}-password` });

  it('makes two users of one name and password', async () => {
    expect((await login('acme', 'ada')).body).toEqual({ userId: 'acme:ada' });
    expect((await login('globex', 'ada')).body).toEqual({ userId: 'globex:ada' });
    const sessions = app.get(SessionService);
    expect(await sessions.list('acme:ada')).toHaveLength(1);
    expect(await sessions.list('globex:ada')).toHaveLength(1);
    expect(await sessions.list('ada')).toEqual([]);
    expect((await to('acme', 'post', '/auth/login').set('host', 'initech.app.example')).status).toBe(403);
    expect((await to('acme', 'post', '/auth/login').set('host', 'acme.evil.example')).status).toBe(403);
  });

  it('takes no session of one tenant at the other, by cookie or by bearer token', async () => {
    const { headers, cookie } = await loginAs(app, { userId: 'acme:ada' });
    for (const sent of [headers, { cookie }]) {
      expect((await to('acme', 'get', '/me', sent)).body).toEqual({ id: 'acme:ada', roles: [] });
      await expectDenied(to('globex', 'get', '/me', sent), 'forbidden');
    }
  });

  it('gives an admin no power over the other tenant, whatever the user is called', async () => {
    const acme = await loginAs(app, { userId: 'acme:eve', roles: ['admin'] });
    const [mine, theirs] = ['acme:ada', 'globex:ada'];
    for (const userId of [mine, theirs]) await loginAs(app, { userId });
    expect((await to('acme', 'get', '/users/ada/sessions', acme.headers)).body).toMatchObject([
      { userId: mine },
    ]);
    for (const name of ['globex:ada', '..%2Fglobex:ada', ':ada'])
      expect((await to('acme', 'get', `/users/${name}/sessions`, acme.headers)).body).toEqual([]);
    // A user of another tenant cannot even be blocked by name.
    await expectDenied(to('acme', 'post', '/users/globex:ada/block', acme.headers), 'user_unknown');
    await to('acme', 'post', '/users/ada/block', acme.headers).expect(201);
    const users = app.get(UserStateService);
    expect((await users.get(mine))?.status).toBe('blocked');
    expect((await users.get(theirs))?.status).toBe('active');
  });

  it('keeps roles apart: an admin of one is nobody in the other', async () => {
    await loginAs(app, { userId: 'acme:eve', roles: ['admin'] });
    const globex = await loginAs(app, { userId: 'globex:eve' });
    expect((await to('globex', 'get', '/me', globex.headers)).body).toEqual({ id: 'globex:eve', roles: [] });
    await expectDenied(to('globex', 'get', '/users/ada/sessions', globex.headers), 'forbidden');
  });

  it('blocks and logs out in one tenant only', async () => {
    const acme = await loginAs(app, { userId: 'acme:ada' });
    const globex = await loginAs(app, { userId: 'globex:ada' });
    await app.get(UserStateService).block('acme:ada', { reason: 'spam' });
    await expectDenied(to('acme', 'get', '/me', acme.headers), 'user_blocked');
    await to('globex', 'get', '/me', globex.headers).expect(200);
    await app.get(SessionService).revokeAll('acme:ada');
    await to('globex', 'get', '/me', globex.headers).expect(200);
  });

  it('keeps the lists of addresses apart, and a lost one opens nothing', async () => {
    const acme = await loginAs(app, { userId: 'acme:ada' });
    const globex = await loginAs(app, { userId: 'globex:ada' });
    const lists = app.get(IpAllowlists);
    await lists.set('office.acme', ['192.0.2.0/24']);
    await expectDenied(to('acme', 'get', '/me', acme.headers), 'ip_not_allowed');
    await to('globex', 'get', '/me', globex.headers).expect(200);
    await lists.set('office.acme', ['127.0.0.1']);
    await to('acme', 'get', '/me', acme.headers).expect(200);
    const lost = await start(0); // with no list at all
    const { headers } = await loginAs(lost, { userId: 'acme:ada' });
    const reply = request(await lost.getUrl())
      .get('/me')
      .set({ host: HOSTS.acme, ...headers });
    await expectDenied(reply, 'ip_not_allowed');
    await lost.close();
    await app.get(UserStateService).setIpAllowlist('globex:ada', ['192.0.2.0/24']);
    await expectDenied(to('globex', 'get', '/me', globex.headers), 'ip_not_allowed');
    await to('acme', 'get', '/me', acme.headers).expect(200);
  });

  it("uses up no quota of another tenant's", async () => {
    const acme = await loginAs(app, { userId: 'acme:ada' });
    const globex = await loginAs(app, { userId: 'globex:ada' });
    const statuses = async (tenant: Tenant, headers: Readonly<Record<string, string>>) => {
      const found = new Set<number>();
      for (let i = 0; i < 35; i++) found.add((await to(tenant, 'get', '/me', headers)).status);
      return [...found];
    };
    // At the other's host: refused, and counted nowhere.
    expect(await statuses('globex', acme.headers)).toEqual([403]);
    expect(await statuses('acme', acme.headers)).toEqual([200, 429]);
    await to('globex', 'get', '/me', globex.headers).expect(200);
  });

  it('lets a browser be in both, each page with the cookie of its own host', async () => {
    const agents = { acme: request.agent(url), globex: request.agent(url) };
    for (const tenant of ['acme', 'globex'] as const) {
      const agent = keepSecureCookies(agents[tenant]);
      const credentials = { username: 'ada', password: 'ada-password' };
      await agent.post('/auth/login').set('host', HOSTS[tenant]).send(credentials).expect(200);
      await agent
        .get('/me')
        .set('host', HOSTS[tenant])
        .expect(200, { id: `${tenant}:ada`, roles: [] });
    }
    // A page of one tenant may not act at the other, though both are of one site.
    const forged = agents.globex.post('/auth/logout').set({
      host: HOSTS.globex,
      origin: `http://${HOSTS.acme}`,
      'sec-fetch-site': 'same-site',
    });
    await expectDenied(forged, 'cross_origin');
  });
});
