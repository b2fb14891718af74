import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { io, type Socket as Client } from 'socket.io-client';
import { emitAtOnce, placeGate } from './gate.js';
import { type IoSocket, PACKET } from './io.js';

describe.each(['websocket', 'polling'])('a gate before a real socket, by %s', (transport) => {
  let http: HttpServer;
  let server: Server;
  let client: Client;
  let socket: Socket;
  let waiting: (() => void)[] = [];
  let sizes: number[] = [];
  let isOpen: boolean;
  let refusals = 0;
  const received: unknown[][] = [];

  beforeEach(async () => {
    [waiting, sizes, isOpen, refusals, received.length] = [[], [], true, 0, 0];
    http = createServer();
    server = new Server(http);
    server.use((one, next) => {
      placeGate(one as unknown as IoSocket, {
        pass: ({ deliver, bytes }) => {
          sizes.push(bytes);
          if (isOpen) deliver();
          else waiting.push(deliver);
        },
        onRefused: () => (refusals += 1),
      });
      next(one.handshake.auth['refuse'] ? new Error('not you') : undefined);
    });
    await once(http.listen(0, '127.0.0.1'), 'listening');
    const connected = once(server, 'connection') as Promise<[Socket]>;
    client = io(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, {
      transports: [transport],
      reconnection: false,
    });
    client.onAny((...args: unknown[]) => {
      const last = args.at(-1);
      if (typeof last === 'function') (last as (text: string) => void)('answer');
      received.push(args.filter((arg) => typeof arg !== 'function'));
    });
    [socket] = await connected;
    if (!client.connected) await new Promise<void>((resolve) => client.once('connect', resolve));
  });
  afterEach(async () => {
    client.disconnect();
    await settle(); // by polling, a client says so in a request of its own
    await server.close();
  });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 50));

  it('holds everything back that is sent to the socket, and lets it pass whole and in order', async () => {
    const bytes = Buffer.from([1, 2, 3]);
    const data = { n: 1 };
    void socket.join('room');
    isOpen = false;
    const answers: unknown[] = [];
    socket.emit('one', data, (answer: unknown) => answers.push(answer));
    data.n = 2; // what was sent is what it was then
    socket.emit('two', { first: bytes, second: bytes });
    server.to('room').emit('three', bytes);
    server.emit('four');
    server.except('nowhere').emit('five', 'text', bytes);
    server.timeout(1_000).emit('six', (_error: unknown, given: unknown[]) => answers.push(...given));
    socket.on('round', (acknowledge: () => void) => acknowledge());
    client.emit('round', () => answers.push('acknowledged'));
    await settle();
    expect(received).toEqual([]);
    expect(sizes.every((size) => size > 0)).toBe(true);
    isOpen = true;
    for (const deliver of waiting.splice(0)) deliver();
    for (let i = 0; i < 100 && (received.length < 6 || answers.length < 3); i++) await settle();
    expect(received).toEqual([
      ['one', { n: 1 }],
      ['two', { first: bytes, second: bytes }],
      ['three', bytes],
      ['four'],
      ['five', 'text', bytes],
      ['six'],
    ]);
    expect(answers.map(String).sort()).toEqual(['acknowledged', 'answer', 'answer']);
  });

  it('lets pass what holds nothing of anybody', async () => {
    isOpen = false;
    socket.emit('late');
    emitAtOnce(socket, 'session-ended', { code: 'x' });
    socket.disconnect();
    await settle();
    expect(received).toEqual([['session-ended', { code: 'x' }]]);
    expect(client.connected).toBe(false);
  });

  it('hears of a refusal by middleware that comes after it', async () => {
    const other = io(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, {
      transports: [transport],
      auth: { refuse: true },
      forceNew: true,
      reconnection: false,
    });
    await new Promise((resolve) => other.once('connect_error', resolve));
    expect(refusals).toBe(1);
    other.disconnect();
  });

  it('stands where socket.io sends by', () => {
    const { client: gated } = socket as unknown as IoSocket;
    const real = Object.getPrototypeOf(gated) as IoSocket['client'];
    expect(typeof Object.getPrototypeOf(real)[PACKET]).toBe('function');
    expect(typeof Object.getPrototypeOf(real).writeToEngine).toBe('function');
    expect(gated.sockets).toBe(real.sockets);
    expect(Object.keys(Reflect.get(server, 'opts') as object)).toContain('cleanupEmptyChildNamespaces');
  });
});
