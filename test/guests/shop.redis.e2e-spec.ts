import { Test } from '@nestjs/testing';
import type { INestApplication } from '@nestjs/common';
import { SessionModule } from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import request from 'supertest';
import { PATIENT_MS } from '../support/patience.js';
import { PLATFORMS } from '../support/library-app.js';
import { RedisServer } from '../support/redis-server.js';
import { CLOSED, Shop, SHOP_OPTIONS } from './support/shop.js';

let server: RedisServer;
beforeAll(async () => void (server = await RedisServer.start()));
afterAll(() => server.stop());

describe.each(PLATFORMS)('a shop on Redis, on $name', ({ adapter, name }) => {
  let app: INestApplication;
  let http: ReturnType<typeof request>;
  beforeAll(async () => {
    const { app: made } = await startShop();
    app = made;
    http = request(await app.getUrl());
  });
  afterAll(() => app.close());

  async function startShop() {
    const redis = { redis: server.url, keyPrefix: name, commandTimeoutMs: PATIENT_MS };
    const testing = await Test.createTestingModule({
      imports: [SessionModule.forRoot({ ...SHOP_OPTIONS, ...redis }), SessionPassportModule],
      controllers: [Shop],
    }).compile();
    const app = testing.createNestApplication(adapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    return { app };
  }

  async function begin(data?: object) {
    const { body } = await http.post('/guest').send({ data }).expect(201);
    const { token } = body as { token: string };
    return { authorization: `Bearer ${token}` };
  }

  it('lets a guest have a cart, and a login take it over', async () => {
    const guest = await begin({ cart: ['tea'] });
    await http.post('/cart').set(guest).send({ item: 'milk' }).expect(201);
    const before = await http.get('/cart').set(guest).expect(200);
    expect(before.body).toMatchObject({
      isGuest: true,
      user: null,
      requestUser: null,
      cart: ['tea', 'milk'],
    });
    const login = await http.post('/login').set(guest).send({ userId: 'ada' }).expect(201);
    const { token } = login.body as { token: string };
    const user = { authorization: `Bearer ${token}` };
    const after = await http.get('/cart').set(user).expect(200);
    expect(after.body).toMatchObject({ isGuest: false, user: 'ada', cart: ['tea', 'milk'] });
    const dead = await http.get('/cart').set(guest).expect(401);
    expect(dead.body).toMatchObject({ code: 'session_revoked' });
    await http.get('/plain').set(user).expect(200);
  });

  it.each(CLOSED)('lets no guest in at /%s', async (path) => {
    const { body } = await http
      .get(`/${path}`)
      .set(await begin())
      .expect(401);
    expect(body).toMatchObject({ code: 'session_missing' });
  });

  it('counts guests apart, and takes them for nobody where a session is optional', async () => {
    const [one, other] = [await begin(), await begin()];
    for (const path of ['/twice', '/twice-a-user']) {
      for (const status of [200, 200, 429]) await http.get(path).set(one).expect(status);
      await http.get(path).set(other).expect(200);
    }
    await http.get('/from-elsewhere').set(one).expect(403);
    const { body } = await http.get('/feed').set(one).expect(200);
    expect(body).toMatchObject({ session: null, user: null });
  });

  it('ends a guest that logs out', async () => {
    const guest = await begin();
    await http.post('/logout').set(guest).expect(201);
    await http.get('/cart').set(guest).expect(401);
  });
});
