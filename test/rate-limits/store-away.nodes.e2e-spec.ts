import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  OptionalSession,
  PolicyManifest,
  Public,
  RateLimit,
  SessionConfigurationError,
  SessionModule,
  SessionService,
} from '@latchkey/session';
import { OnStoreFailure } from '@latchkey/session/access';
import { ProblemFilter } from '@latchkey/session/http';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { bearer, SocketClient } from '../live/support/clients.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

const byIp = (name: string) => RateLimit({ name, quota: 4, window: '1h', by: 'ip' });
const everybody = (): string => 'all';

@Controller()
class Routes {
  @Public()
  @byIp('local')
  @RateLimit({ name: 'all', quota: 10, window: '1h', by: everybody })
  @OnStoreFailure('local-quota')
  @Get('local')
  local() {}

  @Public()
  @byIp('deny')
  @Get('deny')
  deny() {}

  @OptionalSession()
  @byIp('optional')
  @Get('optional')
  optional() {}

  @Get('me')
  me() {}
}

@Public()
@byIp('knocks')
@OnStoreFailure('local-quota')
@WebSocketGateway({ path: '/ws' })
class Gateway {
  @SubscribeMessage('ping')
  ping(): object {
    return { event: 'pong', data: {} };
  }
}

let server: RedisServer;
let nodes: { readonly app: NestExpressApplication; readonly url: string }[];
let token: string;
beforeAll(async () => {
  server = await RedisServer.start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const options = { guard: 'global', redis: server.url, commandTimeoutMs: PATIENT_MS } as const;
  @Module({
    imports: [SessionModule.forRoot(options)],
    controllers: [Routes],
    providers: [Gateway],
  })
  class App {}
  nodes = [];
  for (let i = 0; i < 2; i++) {
    const app = await NestFactory.create<NestExpressApplication>(App, { logger: false });
    app.useGlobalFilters(new ProblemFilter());
    app.useWebSocketAdapter(new SessionWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    nodes.push({ app, url: await app.getUrl() });
  }
  ({ token } = await nodes[0]!.app.get(SessionService).create('ada'));
});
afterAll(async () => {
  for (const { app } of nodes) await app.close();
  await server.stop();
});

async function ask(node: number, path: string): Promise<string> {
  const response = await fetch(`${nodes[node]!.url}/${path}`, { headers: { ...bearer(token) } });
  await response.arrayBuffer();
  const limits = response.headers.get('RateLimit');
  return `${response.status} ${limits ? [...limits.matchAll(/r=(\d+)/g)].map(([, left]) => left).join() : '-'}`;
}

async function inTurn<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let i = 0; i < count; i++) all.push(await make(i));
  return all;
}

it('while storage is away, a public handler that says so is counted in each process, and nothing else passes', async () => {
  expect(await ask(0, 'local')).toBe('200 3,9');
  expect(await ask(1, 'local')).toBe('200 2,8');
  expect(await ask(1, 'me')).toBe('200 -');

  await server.kill();
  // What storage had counted is not known here: each process gives a whole share, by the same rule.
  for (const node of [0, 1]) {
    expect(await inTurn(6, () => ask(node, 'local'))).toEqual([
      '200 3,9',
      '200 2,8',
      '200 1,7',
      '200 0,6',
      '429 0,6',
      '429 0,6',
    ]);
  }
  const refused = await fetch(`${nodes[0]!.url}/local`);
  expect(refused.headers.get('RateLimit-Policy')).toContain('"local";q=4;w=3600');
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(800);
  expect(await refused.json()).toMatchObject({ code: 'rate_limited', 'violated-policies': ['local'] });
  for (const path of ['deny', 'optional', 'me']) expect(await ask(0, path)).toMatch(/^503 /);

  const socket = await SocketClient.open(nodes[0]!.url, {}, '/ws');
  for (let i = 0; i < 4; i++) socket.send('ping');
  expect(await socket.message('exception')).toMatchObject({ code: 'rate_limited' });
  expect(socket.messages.filter(({ event }) => event === 'pong')).toHaveLength(3);
  expect((await SocketClient.refusal(nodes[0]!.url, {}, '/ws')).status).toBe(429);
  socket.close();

  await server.restart();
  await Promise.all(nodes.map(({ app }) => untilServed(app)));
  // Storage goes on from what it had counted, for both: the counts of the processes are over.
  expect(await ask(0, 'local')).toBe('200 1,7');
  expect(await ask(1, 'local')).toBe('200 0,6');
  expect(await ask(0, 'local')).toMatch(/^429 0,/);
  for (const path of ['deny', 'optional']) expect(await ask(0, path)).toBe('200 3');
});

async function untilServed(app: NestExpressApplication): Promise<void> {
  const until = Date.now() + 10_000;
  for (;;) {
    try {
      await app.get(SessionService).authenticate(token);
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

it('the manifest shows it, and the app does not start where it could not hold', async () => {
  const entries = nodes[0]!.app.get(PolicyManifest).list();
  const local = entries.filter(({ onStoreFailure }) => onStoreFailure === 'local-quota');
  expect(local.map(({ handler }) => handler).sort()).toEqual(['Gateway', 'Gateway.ping', 'Routes.local']);

  @Controller()
  class Wrong {
    @byIp('wrong')
    @OnStoreFailure('local-quota')
    @Get('wrong')
    wrong() {}
  }
  @Module({ imports: [SessionModule.forRoot({ guard: 'global' })], controllers: [Wrong] })
  class App {}
  const app = await NestFactory.create(App, { logger: false, abortOnError: false });
  await expect(app.init()).rejects.toThrow(SessionConfigurationError);
  await expect(app.init()).rejects.toThrow('Wrong.wrong');
  await app.close();
});
