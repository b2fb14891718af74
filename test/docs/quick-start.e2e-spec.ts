import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ValidationPipe, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import request from 'supertest';
import { PLATFORMS } from '../support/library-app.js';
import { AppModule } from './quick-start.js';

const root = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

it('the README shows the quick start that is run here', () => {
  expect(read('libs/session/README.md')).toContain(`\`\`\`ts\n${read('test/docs/quick-start.ts')}\`\`\`\n`);
});

/** What an app may have besides, and a type or a class without decorators would not survive. */
const PIPES: [string, ValidationPipe[]][] = [
  ['as it is', []],
  [
    'with a pipe of the app',
    [new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true })],
  ],
];

describe.each(
  PLATFORMS.flatMap(({ name, adapter }) => PIPES.map(([how, pipes]) => ({ name, adapter, how, pipes }))),
)('the quick start on $name, $how', ({ adapter, pipes }) => {
  let app: INestApplication;
  let http: ReturnType<typeof request>;
  let origin: string;
  beforeEach(async () => {
    app = await NestFactory.create(AppModule, adapter(), { logger: false });
    app.useGlobalPipes(...pipes);
    await app.listen(0, '127.0.0.1');
    origin = await app.getUrl();
    http = request(origin);
  });
  afterEach(() => app.close());

  const ada = { username: 'ada', password: 'engine-no-1' };
  const mia = { username: 'mia', password: 'be-kind-now' };
  const tokenOf = async (credentials: object): Promise<string> => {
    const { body } = await http
      .post('/login')
      .send({ ...credentials, transport: 'bearer' })
      .expect(200);
    return (body as { token: string }).token;
  };

  it('gives a browser a cookie, which works for pages of its own origin only', async () => {
    await http.post('/login').send(ada).expect(200); // a user is known from the first login on
    await http.post('/login').set('origin', 'https://evil.example').send(mia).expect(403);
    const login = await http.post('/login').set('origin', origin).send(mia).expect(200, {});
    const setCookie = login.headers['set-cookie']?.[0] ?? '';
    expect(setCookie).toMatch(/^__Host-session=lk_[\w-]+; .*HttpOnly/);
    expect(setCookie).toContain('Secure');
    const cookie = setCookie.split(';')[0] as string;
    const me = await http.get('/me').set({ cookie }).expect(200);
    expect(me.body).toEqual({ id: '2', roles: ['moderator'] });
    const foreign = { cookie, origin: 'https://evil.example' };
    const refused = await http.post('/users/1/block').set(foreign).expect(403);
    expect(refused.body).toMatchObject({ code: 'cross_origin' });
    await http.post('/users/1/block').set({ cookie, origin }).expect(201);
    const logout = await http.post('/logout').set({ cookie, origin }).expect(204);
    expect(logout.headers['set-cookie']?.[0]).toMatch(/^__Host-session=; .*Max-Age=0/);
    expect((await http.get('/me').set({ cookie }).expect(401)).body).toMatchObject({
      code: 'session_revoked',
    });
  });

  it('gives another client a token, and blocks at once', async () => {
    await http.get('/me').expect(401);
    const [user, moderator] = [await tokenOf(ada), await tokenOf(mia)];
    const me = await http.get('/me').auth(user, { type: 'bearer' }).expect(200);
    expect(me.body).toEqual({ id: '1', roles: ['user'] });
    await http.post('/users/2/block').auth(user, { type: 'bearer' }).expect(403);
    await http.post('/users/1/block').auth(moderator, { type: 'bearer' }).expect(201);
    const refused = await http.get('/me').auth(user, { type: 'bearer' }).expect(403);
    expect(refused.body).toMatchObject({ code: 'user_blocked', block: { reason: 'spam' } });
    await http.post('/login').send(ada).expect(403);
  });

  it('takes ten logins a minute, and says when to come back', async () => {
    const wrong = { username: 'ada', password: 'wrong' };
    let reply = await http.post('/login').send(wrong);
    let count = 1;
    // One more is allowed every six seconds, which a busy machine may need for ten logins.
    for (; reply.status === 401 && count < 40; count++) reply = await http.post('/login').send(wrong);
    expect(reply.status).toBe(429);
    expect(reply.body).toMatchObject({ code: 'rate_limited' });
    expect(count).toBeGreaterThan(10);
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('refuses a name that nobody has as it does a wrong password, and takes as long', async () => {
    const timesOf = async (username: string): Promise<number[]> => {
      const times: number[] = [];
      for (let i = 0; i < 4; i++) {
        const begin = performance.now();
        const { status, body } = await http.post('/login').send({ username, password: 'wrong' });
        times.push(performance.now() - begin);
        expect({ status, body: body as unknown }).toEqual({
          status: 401,
          body: { message: 'Unauthorized', statusCode: 401 },
        });
      }
      return times.sort((a, b) => a - b);
    };
    const [known, unknown] = [await timesOf('ada'), await timesOf('nemo')];
    // Without a hash to compute it would be a fiftieth; what else the machine does comes and goes.
    expect(unknown[0]! / known[0]!).toBeGreaterThan(0.2);
  });

  it.each(['', 'constructor', '__proto__', 'unknown', 'a'.repeat(5_000)])(
    'answers 401 to an odd name, %#',
    async (username) => {
      await http.post('/login').send({ username, password: 'wrong' }).expect(401);
    },
  );

  it.each([
    [undefined],
    [{}],
    [[]],
    [{ username: 'ada' }],
    [{ username: 'ada', password: 5 }],
    [{ ...ada, roles: ['admin'] }],
    [{ ...ada, transport: 'pigeon' }],
  ])('answers 400 to the body %j', async (body) => {
    await http.post('/login').send(body).expect(400);
  });
});
