import { setTimeout as sleep } from 'node:timers/promises';
import { All, Controller, Get, type INestApplication, Module, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import compression from 'compression';
import {
  type EventStream,
  EventStreams,
  type HttpRequest,
  SessionModule,
  SessionService,
  type StreamableResponse,
} from '@latchkey/session';
import { LiveConnections } from '@latchkey/session/live';
import { hold } from '../sample/support/gate.js';
import { bearer, StreamClient } from './support/clients.js';
import { RawSocket } from './support/raw-socket.js';

/** What the last handler got, or failed with. */
let last: { stream?: EventStream; error?: unknown; ends: number };

@Controller()
class StreamController {
  constructor(private readonly streams: EventStreams) {}

  @Get('events')
  async events(@Req() request: HttpRequest, @Res() response: StreamableResponse): Promise<void> {
    await this.open(request, response);
  }

  @All('any')
  async any(@Req() request: HttpRequest, @Res() response: StreamableResponse): Promise<void> {
    await this.open(request, response);
  }

  @Get('answered')
  async answered(@Req() request: HttpRequest, @Res() response: StreamableResponse): Promise<void> {
    ('raw' in response ? response.raw : response).end('answered');
    await this.open(request, response).catch((error: unknown) => (last = { error, ends: 0 }));
  }

  private async open(request: HttpRequest, response: StreamableResponse): Promise<void> {
    const stream = await this.streams.open(request, response);
    const mine: typeof last = (last = { stream, ends: 0 });
    stream.onEnd(() => (mine.ends += 1));
    stream.send('hello', { userId: stream.connection.user.id });
  }
}

@Module({ imports: [SessionModule.forRoot({ guard: 'global' })], controllers: [StreamController] })
class App {}

describe.each(['Express', 'Fastify', 'Express behind compression()'])('a stream on %s', (platform) => {
  let app: INestApplication;
  let url: string;
  let token: string;
  beforeAll(async () => {
    const adapter = platform === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter();
    app = await NestFactory.create(App, adapter, { logger: false });
    if (platform.includes('compression')) app.use(compression({ threshold: 0, filter: () => true }));
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    ({ token } = await app.get(SessionService).create('ada'));
  });
  beforeEach(() => void (last = { ends: 0 }));
  afterEach(async () => {
    for (let i = 0; i < 40 && app.get(LiveConnections).size > 0; i++) await sleep(25);
    expect(app.get(LiveConnections).size).toBe(0);
  });
  afterAll(() => app.close());

  const requestLine = (line: string, ...headers: string[]): string =>
    [line, 'Host: x', `Authorization: Bearer ${token}`, ...headers, '', ''].join('\r\n');

  it('brings each event at once, whatever the client accepts', async () => {
    for (const encoding of [{}, { 'accept-encoding': 'gzip, br' }]) {
      const client = await StreamClient.open(url, { ...bearer(token), ...encoding } as Record<
        string,
        string
      >);
      expect((await client.event('hello')).data).toEqual({ userId: 'ada' });
      expect(client.response.headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      });
      expect(client.response.headers).not.toHaveProperty('content-encoding');
      client.close();
    }
  });

  it.each(['/events', '/any'])('answers HEAD %s with the headers, and holds nothing', async (path) => {
    const reply = await RawSocket.ask(url, requestLine(`HEAD ${path} HTTP/1.1`, 'Connection: close'));
    expect(reply).toMatch(/^HTTP\/1\.1 200 [^]*text\/event-stream[^]*\r\n\r\n$/);
    expect(app.get(LiveConnections).size).toBe(0);
    expect(last.stream?.isEnded).toBe(true);
    expect(last.ends).toBe(1);
    const response = await fetch(`${url}${path}`, { method: 'HEAD' });
    expect(response.status).toBe(401);
  });

  it.each(['POST', 'PUT', 'OPTIONS'])('comes by %s, too', async (method) => {
    const raw = await RawSocket.open(url);
    raw.write(requestLine(`${method} /any HTTP/1.1`, 'Content-Length: 0'));
    for (let i = 0; i < 100 && !raw.received.includes('hello'); i++) await sleep(10);
    expect(raw.received).toMatch(/^HTTP\/1\.1 200 [^]*event: hello\n/);
    raw.reset();
  });

  it('is not chunked for HTTP/1.0', async () => {
    const raw = await RawSocket.open(url);
    raw.write(requestLine('GET /events HTTP/1.0'));
    for (let i = 0; i < 100 && !raw.received.includes('hello'); i++) await sleep(10);
    expect(raw.received).toMatch(/\r\n\r\nevent: hello\ndata: \{"userId":"ada"\}\n\n$/);
    raw.reset();
  });

  it('tells of its end also whoever asks afterwards, and whoever ends it', async () => {
    const client = await StreamClient.open(url, bearer(token));
    await client.event('hello');
    const { stream } = last;
    stream?.end();
    expect(last.ends).toBe(1);
    let told = 0;
    stream?.onEnd(() => (told += 1));
    expect([told, stream?.isEnded]).toEqual([1, true]);
    await client.ended();
    stream?.onEnd(() => (told += 1));
    stream?.send('late', {});
    expect(told).toBe(2);
  });

  it('whose client has gone meanwhile has ended', async () => {
    const gate = hold(app.get(LiveConnections), 'register', 'after');
    const raw = await RawSocket.open(url);
    raw.write(requestLine('GET /events HTTP/1.1'));
    await gate.reached;
    raw.reset();
    await sleep(50);
    gate.open();
    await sleep(50);
    expect(app.get(LiveConnections).size).toBe(0);
    expect([last.stream?.isEnded, last.ends]).toEqual([true, 1]);
  });

  it('says where its client may go on from, and is told', async () => {
    const headers = { ...bearer(token), 'last-event-id': 'p6' };
    const client = await StreamClient.open(url, headers);
    await client.event('hello');
    const { stream } = last;
    expect(stream?.lastEventId).toBe('p6');
    stream?.send('post', {}, { id: 'p7', retryMs: 500 });
    expect(await client.event('post')).toMatchObject({ id: 'p7', retry: '500' });
    for (const resumption of [{ id: 'a\nb' }, { id: 'a\0' }, { retryMs: -1 }, { retryMs: 0.5 }])
      expect(() => stream?.send('post', {}, resumption)).toThrow(/resumption\.(id|retryMs)/);
    client.close();
  });

  it('is refused where the response has been answered', async () => {
    const reply = await RawSocket.ask(url, requestLine('GET /answered HTTP/1.1', 'Connection: close'));
    expect(reply).toContain('answered');
    await sleep(20);
    expect(String(last.error)).toContain('has not been answered');
    expect(app.get(LiveConnections).size).toBe(0);
  });
});
