// A node of a shop. With a bearer token: POST /login?user=ID logs the guest in and answers the new token; GET /cart answers
// the session's data, a guest's as well.
import 'reflect-metadata';
import { createServer } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { SessionModule, SessionService } from '../../../dist/libs/session/src/index.js';

const app = await NestFactory.createApplicationContext(
  SessionModule.forRoot({ redis: process.env.REDIS_URL, commandTimeoutMs: 5_000, guests: true }),
  { logger: false },
);
const sessions = app.get(SessionService);
const GUESTS = { roleGroups: [], allowGuests: true };

async function answer({ url, headers }) {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const token = headers.authorization.slice('Bearer '.length);
  if (pathname === '/login') return (await sessions.create(searchParams.get('user'), { from: token })).token;
  const { session } = await sessions.authenticate(token, GUESTS);
  return JSON.stringify(await sessions.data(session).get());
}

const server = createServer((request, response) => {
  answer(request).then(
    (body) => response.end(body),
    (error) => response.writeHead(error.statusCode ?? 500).end(error.code ?? String(error)),
  );
});
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void app.close();
});
server.listen(Number(process.env.PORT), process.env.HOST, () => {
  console.log(`listening on http://${process.env.HOST}:${process.env.PORT}`);
});
