import { setTimeout as sleep } from 'node:timers/promises';
import { Test } from '@nestjs/testing';
import { OneTimeTokens, SessionService, UserStateService } from '@latchkey/session';
import { FakeClock, SessionTestingModule } from '@latchkey/session/testing';
import { RedisServer } from '../support/redis-server.js';
import { describeOneTimeTokenContract } from '../../libs/session/src/testing/contract/one-time-tokens.js';
import { oneTimeOn } from './support/one-time-on.js';

const NODES = 3;

describeOneTimeTokenContract('memory', async () => {
  const clock = new FakeClock();
  const app = await Test.createTestingModule({
    imports: [SessionTestingModule.forRoot({ clock })],
  }).compile();
  return {
    nodes: [app.get(OneTimeTokens)],
    sessions: app.get(SessionService),
    users: app.get(UserStateService),
    now: () => clock.now(),
    advance: (ms) => clock.advance(ms),
    close: () => app.close(),
  };
});

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

describeOneTimeTokenContract('redis', async () => {
  await server.client().flushall();
  const nodes = await Promise.all(
    Array.from({ length: NODES }, () => oneTimeOn(server.url, { commandTimeoutMs: 2_000 })),
  );
  const [first] = nodes;
  if (!first) throw new Error('There are nodes');
  return {
    nodes: nodes.map(({ tokens }) => tokens),
    sessions: first.sessions,
    users: first.users,
    now: () => Date.now(),
    advance: (ms) => sleep(ms),
    close: async () => {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
});
