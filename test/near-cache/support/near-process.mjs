// A node with a near cache in a process of its own, from the built library. Two realms, whose users do not know each other.
import 'reflect-metadata';
import { Controller, Get, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Public, Roles, SessionModule } from '../../../dist/libs/session/src/index.js';

/** Decorators as the compiler applies them. */
function decorate(decorators, target, name) {
  const descriptor = name === undefined ? [] : [name, Object.getOwnPropertyDescriptor(target, name)];
  for (const decorator of decorators) decorator(target, ...descriptor);
}

class Handlers {
  any() {
    return {};
  }

  moderate() {
    return {};
  }

  health() {
    return { memory: process.memoryUsage().heapUsed };
  }
}
decorate([Get('any')], Handlers.prototype, 'any');
decorate([Roles('moderator'), Get('moderate')], Handlers.prototype, 'moderate');
decorate([Public(), Get('health')], Handlers.prototype, 'health');
decorate([Controller()], Handlers);
void Req;

function App() {}
decorate(
  [
    Module({
      imports: [
        SessionModule.forRoot({
          guard: 'global',
          redis: process.env.REDIS_NODES
            ? { cluster: JSON.parse(process.env.REDIS_NODES) }
            : process.env.REDIS_URL,
          commandTimeoutMs: Number(process.env.REDIS_TIMEOUT_MS),
          keyPrefix: process.env.KEY_PREFIX ?? 'lk',
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
