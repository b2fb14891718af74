import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, type INestApplication, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Public,
  RateLimit,
  SessionGuard,
  SessionModule,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { ProblemFilter } from '@latchkey/session/http';

import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

const clientOf = (request: unknown): string =>
  String((request as { readonly headers: Record<string, unknown> }).headers['x-client']);
const everybody = (): string => 'all';

@Controller()
@UseGuards(SessionGuard)
class SharesController {
  @Get('public')
  @Public()
  @RateLimit({ name: 'mine', quota: 5, window: '1h', by: clientOf })
  @RateLimit({ name: 'all', quota: 30, window: '1h', by: everybody })
  open(): string {
    return 'ok';
  }

  @Get('private')
  @RateLimit({ name: 'own', quota: 3, window: '1h', by: 'user' })
  @RateLimit({ name: 'all-private', quota: 30, window: '1h', by: everybody })
  closed(): string {
    return 'ok';
  }
}

let server: RedisServer;
let app: INestApplication;
let url: string;
beforeAll(async () => {
  server = await RedisServer.start();
  @Module({
    imports: [SessionModule.forRoot({ redis: server.url, commandTimeoutMs: PATIENT_MS })],
    controllers: [SharesController],
  })
  class App {}
  app = await NestFactory.create(App, { logger: false });
  app.useGlobalFilters(new ProblemFilter());
  await app.listen(0, '127.0.0.1');
  url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
});
afterAll(async () => {
  await app.close();
  await server.stop();
});

async function statusOf(path: string, headers: Record<string, string>): Promise<number> {
  const response = await fetch(url + path, { headers });
  await response.arrayBuffer();
  return response.status;
}

const SENDERS = 60;

/** Sends such requests, 60 at a time, while the task runs; and before it, until all of the first have their answer. */
async function whileFlooding<T>(send: () => Promise<unknown>, task: () => Promise<T>): Promise<T> {
  let isOver = false;
  let answers = 0;
  const flood = Array.from({ length: SENDERS }, async () => {
    while (!isOver) {
      await send();
      answers++;
    }
  });
  do await sleep(200);
  while (answers < 2 * SENDERS);
  try {
    return await task();
  } finally {
    isOver = true;
    await Promise.all(flood);
  }
}

describe('a share that all have part in', () => {
  it('is not held by requests that their own share refuses', async () => {
    const statuses = await whileFlooding(
      () => statusOf('/public', { 'x-client': 'attacker' }),
      async () => {
        const found: number[] = [];
        for (let i = 0; i < 20; i++) found.push(await statusOf('/public', { 'x-client': `other-${i}` }));
        return found;
      },
    );
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 200));
  });

  it.each(['whose own quota is used up', 'that have no session'])(
    'is not held by requests %s',
    async (kind) => {
      await server.client().flushall();
      const sessions = app.get(SessionService);
      const tokenOf = async (id: string): Promise<string> => {
        await app.get(UserStateService).ensure(id);
        return (await sessions.create(id)).token;
      };
      const attacker = await tokenOf('eve');
      const tokens = await Promise.all(Array.from({ length: 15 }, (_, i) => tokenOf(`user-${i}`)));
      const bad = kind === 'that have no session' ? `${attacker.slice(0, -4)}AAAA` : attacker;
      const statuses = await whileFlooding(
        () => statusOf('/private', { authorization: `Bearer ${bad}` }),
        async () => {
          const found: number[] = [];
          for (const token of tokens)
            found.push(await statusOf('/private', { authorization: `Bearer ${token}` }));
          return found;
        },
      );
      expect(statuses).toEqual(Array.from({ length: 15 }, () => 200));
    },
  );

  it('comes back from a request that timed out', async () => {
    await server.client().flushall();
    const token = (await app.get(SessionService).create('ada', { createUser: true } as never)).token;
    await statusOf('/private', { authorization: `Bearer ${token}` });
    const remaining = async (): Promise<string> => {
      const response = await fetch(`${url}/public`, { headers: { 'x-client': String(Math.random()) } });
      await response.arrayBuffer();
      return response.headers.get('RateLimit') ?? '';
    };
    expect(await remaining()).toMatch(/"all";r=29/);
    server.freeze();
    await Promise.all(Array.from({ length: 10 }, () => statusOf('/public', { 'x-client': 'late' })));
    server.thaw();
    await sleep(1_500);
    expect(await remaining()).toMatch(/"all";r=28/);
  });
});
