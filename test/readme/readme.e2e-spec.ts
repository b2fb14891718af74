import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import request from 'supertest';
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
    expect(blocks('ts')).toContain(read('test/readme/quick-start.ts'));
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

describe('the quick start', () => {
  let app: INestApplication;
  beforeAll(async () => {
    app = await NestFactory.create(AppModule, { logger: false });
    await app.init();
  });
  afterAll(() => app.close());

  const login = async (username: string, password: string): Promise<string> => {
    const { body } = await request(app.getHttpServer())
      .post('/login')
      .send({ username, password })
      .expect(201);
    return (body as { token: string }).token;
  };

  it('logs in, tells who is there, and blocks at once', async () => {
    const http = request(app.getHttpServer());
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
