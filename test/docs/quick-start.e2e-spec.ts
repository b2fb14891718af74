import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ValidationPipe, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import request from 'supertest';
import { addAccount } from './accounts.js';
import { AppModule } from './quick-start.js';

const root = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(
    (match) => match[1] as string,
  );

describe('the README', () => {
  it('shows the quick start that is run here', () => {
    expect(blocks('ts')).toContain(read('test/docs/quick-start.ts'));
  });

  it('gives only commands that CI runs too', () => {
    const ci = read('.ci/run') + read('package.json');
    for (const command of blocks('sh').join('').split('\n').filter(Boolean)) {
      const script = /^(?:[A-Z_]+=\S+ )*(?:npm ci && )?npm (?:run )?([\w:-]+)/.exec(command)?.[1];
      expect({
        command,
        known: script !== undefined && (script === 'ci' || ci.includes(`"${script}":`)),
      }).toEqual({
        command,
        known: true,
      });
    }
  });

  it('names every option, and none that there is not', () => {
    const options = [...read('libs/session/src/session.options.ts').matchAll(/^ {2}readonly (\w+)\?:/gm)].map(
      (match) => match[1],
    );
    const table = readme.slice(
      readme.indexOf('## Options'),
      readme.indexOf('## ', readme.indexOf('## Options') + 3),
    );
    const named = [...table.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);
    expect(named).toEqual(options);
  });
});

describe.each([
  ['as it is', []],
  // What an app may have besides, and a type or a class without decorators would not survive.
  [
    'with a pipe of the app',
    [new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true })],
  ],
])('the quick start, %s', (_, pipes) => {
  let app: INestApplication;
  let http: ReturnType<typeof request>;
  beforeAll(async () => {
    await addAccount('ada', { id: '1', roles: ['user'], password: 'engine-no-1' });
    await addAccount('mia', { id: '2', roles: ['moderator'], password: 'be-kind-now' });
    app = await NestFactory.create(AppModule, { logger: false });
    app.useGlobalPipes(...pipes);
    await app.listen(0, '127.0.0.1');
    http = request(await app.getUrl());
  });
  afterAll(() => app.close());

  const login = async (username: string, password: string): Promise<string> => {
    const { body } = await http.post('/login').send({ username, password }).expect(201);
    return (body as { token: string }).token;
  };

  it('refuses a name that nobody has as it does a wrong password, and takes as long', async () => {
    const timesOf = async (username: string): Promise<number[]> => {
      const times: number[] = [];
      for (let i = 0; i < 7; i++) {
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
    await timesOf('ada');
    const [known, unknown] = [await timesOf('ada'), await timesOf('nemo')];
    expect(unknown[0]! / known[0]!).toBeGreaterThan(0.5);
    for (const username of ['', 'constructor', '__proto__', 'nobody', 'a'.repeat(5_000)])
      await http.post('/login').send({ username, password: 'wrong' }).expect(401);
    await http
      .post('/login')
      .send({ username: 'ada', password: 'ä'.repeat(5_000) })
      .expect(401);
  });

  it.each([[undefined], [{}], [[]], [{ username: 'ada' }], [{ username: 'ada', password: 5 }]])(
    'answers 400 to the body %j',
    async (body) => {
      await http.post('/login').send(body).expect(400);
    },
  );

  it('answers 400 to a body with more in it', async () => {
    await http
      .post('/login')
      .send({ username: 'ada', password: 'engine-no-1', roles: ['admin'] })
      .expect(400);
  });

  it('logs in, tells who is there, and blocks at once', async () => {
    await http.get('/me').expect(401);
    await http.post('/login').send({ username: 'ada', password: 'wrong' }).expect(401);
    const ada = await login('ada', 'engine-no-1');
    const mia = await login('mia', 'be-kind-now');
    const me = await http.get('/me').auth(ada, { type: 'bearer' }).expect(200);
    expect(me.body).toEqual({ id: '1', roles: ['user'] });
    await http.post('/users/2/block').auth(ada, { type: 'bearer' }).expect(403);
    await http.post('/users/1/block').auth(mia, { type: 'bearer' }).expect(201);
    const refused = await http.get('/me').auth(ada, { type: 'bearer' }).expect(403);
    expect(refused.body).toMatchObject({ code: 'user_blocked', block: { reason: 'spam' } });
    await http.post('/login').send({ username: 'ada', password: 'engine-no-1' }).expect(403);
  });
});
