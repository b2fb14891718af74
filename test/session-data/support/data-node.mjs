// A node of an app that counts in its sessions: POST / with a bearer token answers the sum.
import 'reflect-metadata';
import { createServer } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { SessionModule, SessionService } from '../../../dist/libs/session/src/index.js';

const app = await NestFactory.createApplicationContext(
  SessionModule.forRoot({ redis: process.env.REDIS_URL, commandTimeoutMs: 5_000 }),
  { logger: false },
);
const sessions = app.get(SessionService);
const server = createServer((request, response) => {
  const token = request.headers.authorization?.slice('Bearer '.length);
  sessions
    .authenticate(token)
    .then(({ session }) => sessions.data(session).increment('count'))
    .then(
      (sum) => response.end(String(sum)),
      (error) => response.writeHead(500).end(error.code ?? 'failed'),
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
