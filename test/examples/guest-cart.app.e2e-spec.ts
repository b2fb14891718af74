import type { INestApplication } from '@nestjs/common';
import { UserStateService } from '@latchkey/session';
import { expectDenied, keepSecureCookies } from '@latchkey/session/testing';
import request from 'supertest';
import { start } from '../../examples/guest-cart/app.js';

describe('examples/guest-cart', () => {
  let app: INestApplication;
  const browser = () => keepSecureCookies(request.agent(app.getHttpServer()));
  const credentialsOf = (username: string) => ({ username, password: `${username}-password` });

  beforeAll(async () => {
    app = await start(0);
  });
  afterAll(() => app.close());

  it('keeps a cart for a guest, who may not order', async () => {
    const guest = browser();
    await expectDenied(guest.get('/cart'), 'session_missing');
    await guest
      .post('/cart')
      .send({ item: 'tea' })
      .expect(201, { items: ['tea'] });
    await guest
      .post('/cart/items')
      .send({ item: 'milk' })
      .expect(201, { items: ['tea', 'milk'] });
    await guest.get('/cart').expect(200, { items: ['tea', 'milk'] });
    await expectDenied(guest.post('/cart/order'), 'session_missing');
    await guest.post('/cart/items').send({ item: 7 }).expect(400);
  });

  it('takes the cart over at login, and the token of the guest is dead', async () => {
    const guest = browser();
    const begun = await guest.post('/cart').send({ item: 'tea' }).expect(201);
    const [cookie = ''] = begun.headers['set-cookie'] as unknown as string[];
    const asGuest = { cookie: cookie.slice(0, cookie.indexOf(';')) };
    await guest.post('/auth/login').send({ username: 'ada', password: 'wrong' }).expect(401);
    await guest.get('/cart').expect(200, { items: ['tea'] });
    await guest.post('/auth/login').send(credentialsOf('ada')).expect(200);
    await guest.post('/cart/order').expect(201, { by: 'ada', items: ['tea'] });
    await expectDenied(browser().get('/cart').set(asGuest), 'session_revoked');
  });

  it('begins no guest in place of a user, or for a page of another origin', async () => {
    const user = browser();
    await user.post('/auth/login').send(credentialsOf('ada')).expect(200);
    await user.post('/cart').send({ item: 'tea' }).expect(409);
    await user.post('/cart/order').expect(201, { by: 'ada', items: [] });
    const foreign = browser().post('/cart').set('origin', 'https://evil.example').send({ item: 'tea' });
    await expectDenied(foreign, 'cross_origin');
  });

  it('logs in without a cart, too', async () => {
    const bob = browser();
    await bob.post('/auth/login').send(credentialsOf('bob')).expect(200);
    await bob.get('/cart').expect(200, { items: [] });
    await bob
      .post('/cart/items')
      .send({ item: 'jam' })
      .expect(201, { items: ['jam'] });
  });

  it('ends with a block: the cart that was taken over, too', async () => {
    const bob = browser();
    await bob.post('/cart').send({ item: 'tea' }).expect(201);
    await bob.post('/auth/login').send(credentialsOf('bob')).expect(200);
    await app.get(UserStateService).block('bob', { reason: 'fraud' });
    await expectDenied(bob.get('/cart'), 'user_blocked');
    await expectDenied(bob.post('/cart/order'), 'user_blocked');
  });
});
