import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import request from 'supertest';
import { AppModule } from './support/example.js';

const read = (path: string): string => readFileSync(join(__dirname, '../..', path), 'utf8');

describe('the example of docs/refresh.md', () => {
  let app: INestApplication;
  beforeAll(async () => {
    app = await NestFactory.create(AppModule, { logger: false });
    await app.init();
  });
  afterAll(() => app.close());

  it('is the one that is run here', () => {
    expect(/^```ts\n([^]*?)^```$/m.exec(read('docs/refresh.md'))?.[1]).toBe(
      read('test/refresh/support/example.ts'),
    );
  });

  it('gives cookies for cookies, and a body for a body', async () => {
    const http = request(app.getHttpServer());
    const cookiesOf = (reply: request.Response): string =>
      (reply.headers['set-cookie'] as unknown as string[]).map((line) => line.split(';', 1)[0]).join('; ');
    const login = cookiesOf(await http.post('/auth/login').expect(201));
    const refreshed = await http.post('/auth/refresh').set('Cookie', login).expect(201);
    expect(Object.keys(refreshed.body)).toEqual(['expiresAt']);
    const refreshToken = /__Secure-refresh=(\S+)$/.exec(cookiesOf(refreshed))?.[1];
    const { body } = await http.post('/auth/refresh').send({ refreshToken }).expect(201);
    expect(Object.keys(body)).toEqual(['token', 'refreshToken', 'expiresAt']);
    const stolen = await http.post('/auth/refresh').set('Cookie', login).expect(401);
    expect(stolen.body).toMatchObject({ code: 'session_revoked' });
  });
});
