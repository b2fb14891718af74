import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, type INestApplication, Module, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  EventStreams,
  type HttpRequest,
  SessionModule,
  SessionService,
  type StreamableResponse,
  UserStateService,
} from '@latchkey/session';
import { LiveConnections } from '@latchkey/session/live';
import { bearer, StreamClient } from './support/clients.js';

const FAULTS: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('a fault of the app');
  },
  rejects: async () => {
    await sleep(1);
    throw new Error('a fault of the app');
  },
};

let fault: () => unknown;
let ends = 0;

@Controller()
class StreamController {
  constructor(private readonly streams: EventStreams) {}

  @Get('events')
  async events(@Req() request: HttpRequest, @Res() response: StreamableResponse): Promise<void> {
    const stream = await this.streams.open(request, response);
    stream.onEnd(fault);
    stream.onEnd(() => (ends += 1));
    stream.send('hello', {});
  }

  @Get('names')
  async names(@Req() request: HttpRequest, @Res() response: StreamableResponse): Promise<void> {
    const stream = await this.streams.open(request, response);
    const refused = ['a\ndata: {"forged":true}\n\n', 'a\rdata: 1', 5, undefined].filter((name) => {
      try {
        stream.send(name as string, {});
        return false;
      } catch (error) {
        return error instanceof Error && /name must be/.test(error.message);
      }
    });
    stream.send('refused', { count: refused.length });
  }
}

@Module({ imports: [SessionModule.forRoot({ guard: 'global' })], controllers: [StreamController] })
class App {}

/** Nobody's promise. A jest environment has its own `process`, which hears of these all the same. */
const unheard: unknown[] = [];
const hear = (reason: unknown): void => void unheard.push(reason);

describe.each(Object.entries(FAULTS))('a callback of the app that %s when a connection ends', (_, one) => {
  let app: INestApplication;
  let url: string;
  beforeAll(async () => {
    process.on('unhandledRejection', hear);
    app = await NestFactory.create(App, { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  beforeEach(() => {
    [fault, ends, unheard.length] = [one, 0, 0];
  });
  afterEach(async () => {
    await sleep(20);
    expect(unheard).toEqual([]);
  });
  afterAll(async () => {
    process.off('unhandledRejection', hear);
    await app.close();
  });

  const login = async (userId: string): Promise<string> =>
    (await app.get(SessionService).create(userId)).token;
  const isOver = async (): Promise<void> => {
    for (let i = 0; i < 40 && app.get(LiveConnections).size > 0; i++) await sleep(25);
    expect(app.get(LiveConnections).size).toBe(0);
  };

  it('is no end of the process where the client has left, and others are told', async () => {
    const client = await StreamClient.open(url, bearer(await login('left')));
    await client.event('hello');
    client.close();
    await isOver();
    expect(ends).toBe(1);
  });

  it('keeps no act from being confirmed, nor others from ending', async () => {
    const token = await login('blocked');
    const clients = await Promise.all([1, 2, 3].map(() => StreamClient.open(url, bearer(token))));
    await Promise.all(clients.map((client) => client.event('hello')));
    const candidate = { token, clientIp: '127.0.0.1' };
    (await app.get(LiveConnections).register(candidate)).open(one);
    const receipt = await app.get(UserStateService).block('blocked', { reason: 'spam' });
    expect(receipt).toMatchObject({ connectionsClosed: 4, nodes: { confirmed: 1, expired: 0 } });
    await Promise.all(clients.map((client) => client.ended()));
    expect(ends).toBe(3);
  });
});

it('an event has a name of one line', async () => {
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, '127.0.0.1');
  const { token } = await app.get(SessionService).create('ada');
  const names = await StreamClient.open(await app.getUrl(), bearer(token), '/names');
  expect((await names.event('refused')).data).toEqual({ count: 4 });
  names.close();
  await app.close();
});
