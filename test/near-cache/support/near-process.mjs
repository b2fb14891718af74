// A node with a near cache in a process of its own, from the built library.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Roles, SessionModule } from '../../../dist/libs/session/src/index.js';

/** Decorators as the compiler applies them. */
function decorate(decorators, target, name) {
  const descriptor = name === undefined ? [] : [name, Object.getOwnPropertyDescriptor(target, name)];
  for (const decorator of decorators) decorator(target, ...descriptor);
}

class Handlers {
  moderate() {
    return {};
  }
}
decorate([Roles('moderator'), Get('moderate')], Handlers.prototype, 'moderate');
decorate([Controller()], Handlers);

function App() {}
decorate(
  [
    Module({
      imports: [
        SessionModule.forRoot({
          guard: 'global',
          redis: process.env.REDIS_URL,
          commandTimeoutMs: Number(process.env.REDIS_TIMEOUT_MS),
          nearCache: { leaseMs: Number(process.env.LEASE_MS), maxEntries: 1_000 },
        }),
      ],
      controllers: [Handlers],
    }),
  ],
  App,
);

const app = await NestFactory.create(App, { logger: false });
await app.listen(Number(process.env.PORT), process.env.HOST);
console.log(`listening on ${await app.getUrl()}`);
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
