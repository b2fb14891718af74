import type { INestApplication } from '@nestjs/common';
import { expectDenied, keepSecureCookies, loginAs } from '@latchkey/session/testing';
import request from 'supertest';
import { OfficeModule, ShopModule, start } from '../../examples/two-realms/app.js';

describe('examples/two-realms', () => {
  let app: INestApplication;
  const agent = () => keepSecureCookies(request.agent(app.getHttpServer()));
  const credentials = { username: 'eve', password: 'eve-password' };

  beforeAll(async () => {
    app = await start(0);
  });
  afterAll(() => app.close());

  it('has one browser logged in to both, each with its own session', async () => {
    const browser = agent();
    await browser.post('/shop/auth/login').send(credentials).expect(200);
    await browser.get('/shop/me').expect(200, { realm: 'shop', id: 'eve', roles: ['admin', 'editor'] });
    await expectDenied(browser.get('/office/me'), 'session_missing');
    await browser.post('/office/auth/login').send(credentials).expect(200);
    await browser.get('/office/me').expect(200);
    await browser.post('/shop/auth/logout').expect(204);
    await expectDenied(browser.get('/shop/me'), 'session_missing');
    await browser.get('/office/me').expect(200);
  });

  it('takes no token of the other, whatever it is called', async () => {
    const shop = await loginAs(app.select(ShopModule), { userId: 'ada' });
    const office = await loginAs(app.select(OfficeModule), { userId: 'ada' });
    await agent().get('/shop/me').set(shop.headers).expect(200);
    await expectDenied(agent().get('/shop/me').set(office.headers), 'session_invalid');
    await expectDenied(
      agent().get('/office/me').set('Cookie', `__Host-office=${shop.token}`),
      'session_invalid',
    );
  });

  it('blocks a member of staff, and not the customer of the same name', async () => {
    const customer = await loginAs(app.select(ShopModule), { userId: 'bob' });
    const clerk = await loginAs(app.select(OfficeModule), { userId: 'bob' });
    const admin = await loginAs(app.select(OfficeModule), { userId: 'eve', roles: ['admin'] });
    await agent().post('/office/staff/bob/block').set(admin.headers).expect(201);
    await expectDenied(agent().get('/office/me').set(clerk.headers), 'user_blocked');
    await agent().get('/shop/me').set(customer.headers).expect(200);
  });
});
