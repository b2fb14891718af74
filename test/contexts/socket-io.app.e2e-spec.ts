import { setTimeout as sleep } from 'node:timers/promises';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import {
  IpAllowlist,
  PolicyManifest,
  Roles,
  SessionModule,
  type SessionModuleOptions,
} from '@latchkey/session';
import { SessionIoAdapter } from '@latchkey/session/socket.io';
import { PATIENT_MS } from '../support/patience.js';
import { PLATFORMS } from '../support/library-app.js';
import { RedisServer } from '../support/redis-server.js';
import { IoTestClient, until } from './support/io-client.js';
import {
  type IoNode,
  OptionalGateway,
  PublicGateway,
  RoomGateway,
  RootGateway,
  StaffGateway,
  startIoNode,
  told,
} from './support/io-node.js';

const [EXPRESS, FASTIFY] = PLATFORMS;

let server: RedisServer;
beforeAll(async () => void (server = await RedisServer.start()));
afterAll(() => server.stop());

describe.each([
  ['Express', 'memory', 'polling', EXPRESS],
  ['Express', 'Redis', 'websocket', EXPRESS],
  ['Fastify', 'memory', 'websocket', FASTIFY],
  ['Fastify', 'Redis', 'polling', FASTIFY],
] as const)('socket.io on %s, %s, by %s', (name, storage, transport, platform) => {
  let node: IoNode;
  const opened: IoTestClient[] = [];
  const transports = [transport];
  type Options = Parameters<typeof IoTestClient.open>[1];

  /** A client that is closed after the test. */
  const open = async (token: string | undefined, namespace = '', options: Options = {}) => {
    const auth = token === undefined ? {} : { token };
    const client = await IoTestClient.open(node.url + namespace, { transports, auth, ...options });
    opened.push(client);
    return client;
  };
  const refusal = (token: string | undefined, namespace = '', options: Options = {}) =>
    IoTestClient.refusal(node.url + namespace, {
      transports,
      auth: token === undefined ? {} : { token },
      ...options,
    });
  const start = (session: SessionModuleOptions = {}, options: object = {}) =>
    startIoNode({
      ...(platform && { platform }),
      session: {
        commandTimeoutMs: PATIENT_MS,
        ...(storage === 'Redis' && { redis: server.url, keyPrefix: `io-${name}-${Math.random()}` }),
        ...session,
      },
      ...options,
    });

  beforeAll(async () => void (node = await start()));
  afterEach(() => {
    for (const client of opened.splice(0)) client.close();
  });
  afterAll(() => node.stop());

  describe('a handshake', () => {
    it('takes auth.token, the Authorization header, or the cookie', async () => {
      const { token, userId } = await node.user();
      const ways: Options[] = [
        { auth: { token } },
        { extraHeaders: { authorization: `Bearer ${token}` } },
        { extraHeaders: { cookie: `other=1; __Host-session=${token}` } },
        { auth: (give) => give({ token }) },
      ];
      for (const way of ways) {
        const client = await open(undefined, '', { auth: {}, ...way });
        expect(await client.ask('me')).toMatchObject({ user: userId, live: userId });
      }
    });

    it.each<[code: string, status: number, credentials: (token: string) => Options]>([
      ['session_missing', 401, () => ({})],
      ['session_missing', 401, () => ({ auth: { token: null } })],
      ['session_invalid', 401, () => ({ auth: { token: '' } })],
      ['session_invalid', 401, () => ({ auth: { token: { $ne: '' } } })],
      ['session_invalid', 401, () => ({ auth: { token: 'lk_nothing' } })],
      ['session_invalid', 401, (token) => ({ auth: { token: `${token.slice(0, -4)}AAAA` } })],
      [
        'ambiguous_credentials',
        400,
        (token) => ({ auth: { token }, extraHeaders: { cookie: `__Host-session=${token}` } }),
      ],
      [
        'ambiguous_credentials',
        400,
        (token) => ({ auth: { token }, extraHeaders: { authorization: `Bearer ${token}` } }),
      ],
      [
        'cross_origin',
        403,
        (token) => ({
          extraHeaders: { cookie: `__Host-session=${token}`, origin: 'https://evil.example' },
        }),
      ],
    ])('is refused with %s (%i)', async (code, status, credentials) => {
      const { token } = await node.user();
      const { message, data } = await refusal(undefined, '', { auth: {}, ...credentials(token) });
      expect(data).toMatchObject({ code, status });
      expect(Object.keys(data as object).sort()).toEqual(['code', 'detail', 'status', 'title', 'type']);
      expect(message).toBe((data as { title: string }).title);
      await until(() => node.connections.size === 0, 'no connection to be left');
    });

    it('does not ask where a page comes from that shows its token itself', async () => {
      const { token } = await node.user();
      const origin = 'https://evil.example'; // which cannot read the token of another origin
      await open(token, '', { extraHeaders: { origin } });
    });

    it('takes the cookie from allowedOrigins', async () => {
      const other = await start({ allowedOrigins: ['https://spa.example'] });
      const { token } = await other.user();
      const extraHeaders = { cookie: `__Host-session=${token}`, origin: 'https://spa.example' };
      const client = await IoTestClient.open(other.url, { transports, extraHeaders });
      client.close();
      await other.stop();
    });

    it('keeps no credential where other nodes see it', async () => {
      const { token } = await node.user();
      const cookie = `other=1; __Host-session=${token}; more=2`;
      for (const options of [
        { auth: { token, own: 1 } },
        { auth: {}, extraHeaders: { cookie } },
        { auth: {}, extraHeaders: { authorization: `Bearer ${token}` } },
      ] as Options[])
        await open(undefined, '', options);
      const sockets = await node.app.get(RootGateway).server.fetchSockets();
      const handshakes = JSON.stringify(sockets.map(({ handshake }) => handshake));
      expect(sockets).toHaveLength(3);
      expect(handshakes).not.toContain(token.slice(-20));
      expect(handshakes).toContain('other=1; more=2');
      expect(handshakes).toContain('"own":1');
    });

    it('of a namespace is decided by its own gateway', async () => {
      const [author, moderator] = [await node.user(), await node.user(['moderator'])];
      expect((await refusal(author.token, '/staff')).data).toMatchObject({ code: 'forbidden', status: 403 });
      const staff = await open(moderator.token, '/staff');
      expect(await staff.say('ping')).toEqual(['pong', moderator.userId]);
      const anybody = await open(undefined, '/public');
      expect(await anybody.say('ping')).toEqual(['pong', 'anybody']);
    });

    it('of several namespaces on one connection is decided for each', async () => {
      const { token, userId } = await node.user();
      const root = await open(token);
      expect(await root.join('/staff', { token })).toMatchObject({ data: { code: 'forbidden' } });
      expect(await root.join('/optional', {})).toBeInstanceOf(IoTestClient);
      expect(await root.ask('me')).toMatchObject({ user: userId });
    });

    it.each(['/nowhere', '/room-x'])('of %s, which nobody has, is refused', async (namespace) => {
      const { token } = await node.user(['moderator']);
      expect(await refusal(token, namespace)).toMatchObject({ message: 'Invalid namespace' });
    });

    it('of a dynamic namespace is decided by its gateway, and leaves nothing of one that is refused', async () => {
      const [author, moderator] = [await node.user(), await node.user(['moderator'])];
      expect((await refusal(author.token, '/room-1')).data).toMatchObject({ code: 'forbidden' });
      const room = await open(moderator.token, '/room-2');
      expect(await room.ask('where')).toEqual({ room: '/room-2' });
      const namespaces = Reflect.get(node.app.get(RootGateway).server, '_nsps') as Map<string, unknown>;
      expect([...namespaces.keys()].filter((one) => one.startsWith('/room-'))).toEqual(['/room-2']);
    });

    it('counts against the quotas of the gateway', async () => {
      const { token } = await node.user();
      await open(token, '/knocks');
      await open(token, '/knocks');
      expect((await refusal(token, '/knocks')).data).toMatchObject({
        code: 'rate_limited',
        status: 429,
        'violated-policies': ['io-knocks'],
      });
      expect(node.connections.size).toBe(2);
    });

    it('tells a user who is blocked why, and not who did it', async () => {
      const { token, userId } = await node.user();
      await node.users.block(userId, { reason: 'spam', by: 'mia' });
      const { data } = await refusal(token);
      expect(data).toMatchObject({ code: 'user_blocked', status: 403, block: { reason: 'spam' } });
      expect(JSON.stringify(data)).not.toContain('mia');
    });
  });

  describe('a message', () => {
    it('is checked by the decorators of the handler that it is for', async () => {
      const [author, moderator] = [await node.user(), await node.user(['moderator'])];
      told.length = 0;
      const one = await open(author.token);
      expect(await one.say('delete')).toEqual(['exception', expect.objectContaining({ code: 'forbidden' })]);
      expect(await one.say('pin')).toEqual(['exception', expect.objectContaining({ code: 'forbidden' })]);
      const other = await open(moderator.token);
      expect(await other.ask('delete')).toEqual({ deleted: true });
      expect(await other.ask('pin')).toEqual({ pinned: true });
      expect(told.filter((line) => line.startsWith('delete'))).toEqual([`delete ${moderator.userId}`]);
    });

    it('that is refused has the event exception and no acknowledgement, as with Nest', async () => {
      const { token } = await node.user();
      const client = await open(token);
      expect(await client.ask('delete')).toBe('no acknowledgement');
      expect(await client.event('exception')).toEqual({
        type: 'urn:problem-type:latchkey:forbidden',
        title: expect.any(String) as string,
        status: 403,
        detail: expect.any(String) as string,
        code: 'forbidden',
      });
      expect(await client.ask('answer', 1)).toEqual({ answer: 1 });
    });

    it('is answered as with Nest: by an event, by an acknowledgement, by hand', async () => {
      const { token } = await node.user();
      const client = await open(token);
      expect(await client.say('ping', { deep: [1, null] })).toEqual(['pong', { deep: [1, null] }]);
      expect(await client.ask('answer', 'x')).toEqual({ answer: 'x' });
      expect(await client.ask('answer', [1, 2])).toEqual({ answer: [1, 2] });
      expect(await client.ask('answer', 'two', 'of them')).toEqual({ answer: ['two', 'of them'] });
      expect(await client.ask('by-hand')).toBe('by hand');
      const [event, data] = await client.say('throws');
      expect([event, data]).toEqual(['exception', expect.objectContaining({ status: 'error' })]);
    });

    it('has whom it is from', async () => {
      const { token, userId, sessionId } = await node.user([], { data: { cart: ['tea'] } });
      const client = await open(token);
      expect(await client.ask('me')).toEqual({
        user: userId,
        session: sessionId,
        cart: ['tea'],
        live: userId,
      });
    });

    it('of nobody is nobody, and gets no further', async () => {
      const { token } = await node.user(['moderator']);
      const anybody = await open(token, '/public');
      expect(await anybody.ask('who')).toEqual({ user: null, live: false });
      expect(await anybody.say('delete')).toEqual([
        'exception',
        expect.objectContaining({ code: 'session_missing' }),
      ]);
      expect(told).not.toContain('delete of nobody');
      expect(await (await open(undefined, '/optional')).ask('who')).toEqual({ user: null });
    });

    it('of an optional session is of its user', async () => {
      const { token, userId } = await node.user();
      expect(await (await open(token, '/optional')).ask('who')).toEqual({ user: userId });
      expect((await refusal('lk_nothing', '/optional')).data).toMatchObject({ code: 'session_invalid' });
    });

    it('of a gateway that is made anew for each message is checked, too', async () => {
      const { token } = await node.user();
      const client = await open(token, '/scoped');
      expect(await client.ask('free')).toEqual({ free: true });
      expect(await client.say('delete')).toEqual([
        'exception',
        expect.objectContaining({ code: 'forbidden' }),
      ]);
    });

    it('needs a fresh session, and the assurance, where that is demanded', async () => {
      const { token } = await node.user();
      const client = await open(token);
      expect(await client.ask('fresh')).toEqual({ fresh: true });
      await sleep(1_100);
      expect(await client.say('fresh')).toEqual([
        'exception',
        expect.objectContaining({ code: 'reauthentication_required', status: 401 }),
      ]);
      expect((await client.say('assured'))[1]).toMatchObject({ status: 401 });
      const { token: strong } = await node.user([], { assurance: 'aal2' });
      expect(await (await open(strong)).ask('assured')).toEqual({ assured: true });
    });

    it.each(['by-user', 'by-ip', 'by-function'])('counts against a quota %s', async (event) => {
      const { token } = await node.user();
      const options = { extraHeaders: { 'x-tenant': 'acme' } };
      const clients = [await open(token, '', options), await open(token, '', options)];
      for (const client of clients) expect(await client.ask(event)).toEqual({ counted: true });
      for (const client of clients)
        expect((await client.say(event))[1]).toMatchObject({ code: 'rate_limited', status: 429 });
    });

    it('comes from where the handler allows', async () => {
      const { token } = await node.user();
      const client = await open(token);
      expect(await client.say('from-office')).toEqual([
        'exception',
        expect.objectContaining({ code: 'ip_not_allowed', status: 403 }),
      ]);
    });

    it('that no handler is for goes to listeners of the app, and else is said to be unknown', async () => {
      const { token } = await node.user();
      const client = await open(token);
      expect(await client.ask('raw')).toBe('raw');
      expect(await client.say('nobody-knows')).toEqual([
        'exception',
        expect.objectContaining({ code: 'bad_request' }),
      ]);
    });

    it('keeps its place among others', async () => {
      const { token } = await node.user();
      const client = await open(token);
      const count = 300;
      for (let i = 0; i < count; i++) client.socket.emit(i % 7 === 3 ? 'nobody-knows' : 'ping', i);
      await until(() => client.received.length === count, 'all answers', 20_000);
      const isUnknown = (i: number) => i % 7 === 3;
      const all = Array.from({ length: count }, (_, i) => i);
      expect(client.events('pong')).toEqual(all.filter((i) => !isUnknown(i)));
      expect(client.events('exception')).toHaveLength(all.filter(isUnknown).length);
    });

    it('is activity, unless it is passive', async () => {
      const other = await start({ touchInterval: 0 });
      const { token, userId } = await other.user();
      const client = await IoTestClient.open(other.url, { transports, auth: { token } });
      const lastSeenAt = async () => (await other.sessions.list(userId))[0]?.lastSeenAt;
      const before = await lastSeenAt();
      await sleep(20);
      await client.ask('poll');
      expect(await lastSeenAt()).toBe(before);
      await client.ask('answer', 1);
      expect(await lastSeenAt()).toBeGreaterThan(before ?? Infinity);
      client.close();
      await other.stop();
    });
  });

  describe('a socket', () => {
    it.each<[what: string, code: string, act: (userId: string, sessionId: string) => Promise<unknown>]>([
      ['a block', 'user_blocked', (userId) => node.users.block(userId, { reason: 'spam' })],
      ['a logout', 'session_revoked', (userId, id) => node.sessions.revoke(userId, id)],
      ['a logout everywhere', 'session_revoked', (userId) => node.sessions.revokeAll(userId)],
    ])('ends by %s, and with its last namespace the connection', async (_what, code, act) => {
      const { token, userId, sessionId } = await node.user(['moderator']);
      const client = await open(token);
      const staff = await client.join('/staff', { token });
      if (!(staff instanceof IoTestClient)) throw new Error('It was refused');
      told.length = 0;
      await act(userId, sessionId);
      for (const one of [client, staff]) {
        expect((await one.ended()).reason).toBe('io server disconnect');
        expect(one.received.map(({ event, args }) => [event, ...args])).toEqual([
          ['session-ended', { code }],
        ]);
      }
      expect(told).toContain('disconnected /');
      await until(() => engineCount(node) === 0, 'the connection to be closed');
      expect(node.connections.size).toBe(0);
    });

    it('ends where its user is no longer permitted, and nowhere else', async () => {
      const { token, userId } = await node.user(['moderator']);
      const root = await open(token);
      const staff = await root.join('/staff', { token });
      if (!(staff instanceof IoTestClient)) throw new Error('It was refused');
      await node.users.setRoles(userId, ['author']);
      expect((await staff.ended()).reason).toBe('io server disconnect');
      expect(staff.events('session-ended')).toEqual([{ code: 'forbidden' }]);
      expect(await root.ask('answer', 1)).toEqual({ answer: 1 });
      expect((await root.say('delete'))[0]).toBe('exception');
      expect(root.left).toBeUndefined();
      expect(node.connections.size).toBe(1);
    });

    it('ends when its session times out', async () => {
      const other = await start({ lifetime: { inactivityTimeout: '1s', absoluteTimeout: '2s' } });
      const { token } = await other.user();
      const client = await IoTestClient.open(other.url, { transports, auth: { token } });
      await client.ended();
      expect(client.events('session-ended')).toEqual([{ code: 'session_expired' }]);
      client.close();
      await other.stop();
    });

    it('of nobody is told of nothing', async () => {
      const { token, userId } = await node.user();
      const anybody = await open(token, '/public');
      const optional = await open(token, '/optional');
      await node.users.block(userId, { reason: 'spam' });
      await optional.ended();
      expect(optional.events('session-ended')).toEqual([{ code: 'user_blocked' }]);
      expect(await anybody.say('ping')).toEqual(['pong', 'anybody']);
      expect(anybody.received).toHaveLength(1);
    });

    it('gets what is sent to it, to its rooms and to all, with attachments', async () => {
      const { token } = await node.user();
      const client = await open(token);
      const { server: root } = node.app.get(RootGateway);
      const [socket] = await root.fetchSockets();
      socket?.join('news');
      const bytes = Buffer.from([1, 2, 3]);
      socket?.emit('one', { bytes });
      root.to('news').emit('two', { bytes, again: bytes });
      root.emit('three', 'text');
      root.volatile.emit('four', bytes);
      await client.event('four').catch(() => undefined); // by polling, it may get lost
      expect(client.events('one')).toEqual([{ bytes }]);
      expect(client.events('two')).toEqual([{ bytes, again: bytes }]);
      expect(client.events('three')).toEqual(['text']);
      const answers = (await root
        .timeout(2_000)
        .emitWithAck('nobody answers')
        .catch(() => 'none')) as unknown;
      expect(answers).toBe('none');
    });

    it('gets nothing that was sent after the act, whoever sends it', async () => {
      const { token, userId } = await node.user();
      const client = await open(token);
      const { server: root } = node.app.get(RootGateway);
      const [socket] = await root.fetchSockets();
      socket?.join('news');
      const local = [...root.sockets.sockets.values()][0];
      const bytes = Buffer.alloc(10);
      await node.users.block(userId, { reason: 'spam' });
      for (const data of ['text', bytes]) {
        socket?.emit('late', data);
        local?.emit('late', data, () => undefined);
        local?.volatile.emit('late', data);
        root.to('news').emit('late', data);
        root.emit('late', data);
        root.local.emit('late', data);
      }
      await client.ended();
      await sleep(50);
      expect(client.received.map(({ event }) => event)).toEqual(['session-ended']);
    });

    it('of a client that does not read is dropped', async () => {
      const { token } = await node.user();
      const client = await open(token);
      const { engine } = client.socket.io;
      const raw: unknown = Reflect.get(Object(Reflect.get(engine, 'transport')), 'ws');
      if (transport === 'websocket') (Reflect.get(Object(raw), '_socket') as { pause(): void }).pause();
      const { server: root } = node.app.get(RootGateway);
      for (let i = 0; i < 2_000 && node.connections.size > 0; i++) {
        root.emit('much', 'x'.repeat(8_192));
        if (transport === 'websocket' && i % 20 === 0) await sleep(1);
      }
      await until(() => node.connections.size === 0, 'the client to be dropped');
      client.close();
    });
  });

  it('counts as a connection of its session, within the limit', async () => {
    const other = await start({ live: { maxConnectionsPerSession: 2 } });
    const { token } = await other.user();
    const clients = [1, 2].map(() => IoTestClient.open(other.url, { transports, auth: { token } }));
    await Promise.all(clients);
    expect((await IoTestClient.refusal(other.url, { transports, auth: { token } })).data).toMatchObject({
      code: 'too_many_connections',
    });
    for (const client of clients) (await client).close();
    await until(() => other.connections.size === 0, 'all to have left');
    await other.stop();
  });

  it('is in the manifest', () => {
    const listed = node.app.get(PolicyManifest).list();
    expect(listed.filter(({ access }) => access === 'unguarded' || access === 'refused')).toEqual([]);
    expect(listed).toContainEqual({
      kind: 'websocket',
      method: 'CONNECT',
      path: 'staff',
      handler: 'StaffGateway',
      access: 'guarded',
      roles: [['moderator']],
    });
    expect(listed).toContainEqual(
      expect.objectContaining({ method: 'CONNECT', path: '/public', access: 'public' }),
    );
  });

  it('lets clients come back when the server stops', async () => {
    const other = await start();
    const { token } = await other.user();
    const client = await IoTestClient.open(other.url, { transports, auth: { token } });
    await other.stop();
    expect((await client.ended()).reason).toMatch(/^transport/);
    expect(client.events('session-ended')).toEqual([]);
    client.close();
  });
});

describe('when Redis is away', () => {
  it('handshakes and messages are refused in time, and nothing runs', async () => {
    const own = await RedisServer.start();
    const node = await startIoNode({ session: { redis: own.url } });
    const { token } = await node.user(['moderator']);
    const client = await IoTestClient.open(node.url, { auth: { token } });
    await own.kill();
    told.length = 0;
    const startedAt = performance.now();
    expect(await client.say('delete')).toEqual([
      'exception',
      expect.objectContaining({ code: 'session_store_unavailable', status: 503 }),
    ]);
    expect((await IoTestClient.refusal(node.url, { auth: { token } })).data).toMatchObject({
      code: 'session_store_unavailable',
    });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(told).not.toContain(expect.stringContaining('delete'));
    client.close();
    await node.stop();
    await own.stop();
  }, 60_000);
});

describe('an app', () => {
  const boot = async (
    providers: readonly Function[],
    make: (app: INestApplication) => SessionIoAdapter = (app) => new SessionIoAdapter(app),
  ): Promise<unknown> => {
    @Module({ imports: [SessionModule.forRoot({ guard: 'global' })], providers: providers as never })
    class App {}
    const app = await NestFactory.create(App, { logger: false, abortOnError: false });
    try {
      app.useWebSocketAdapter(make(app));
      await app.init();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      await app.close().catch(() => undefined);
    }
  };

  it('with connectionStateRecovery does not start', async () => {
    @WebSocketGateway({ connectionStateRecovery: {} })
    class Recovering {}
    expect(await boot([Recovering])).toMatchObject({ option: 'connectionStateRecovery' });
  });

  it('with connectionStateRecovery by an adapter of its own does not start either', async () => {
    class Own extends SessionIoAdapter {
      override createIOServer(port: number, options?: Parameters<SessionIoAdapter['createIOServer']>[1]) {
        return super.createIOServer(port, { ...options, connectionStateRecovery: {} } as typeof options);
      }
    }
    expect(await boot([PublicGateway], (app) => new Own(app))).toMatchObject({
      option: 'connectionStateRecovery',
    });
  });

  it('with WebTransport does not start', async () => {
    @WebSocketGateway({ transports: ['webtransport'] })
    class Modern {}
    expect(await boot([Modern])).toMatchObject({ option: 'transports' });
  });

  it('with gateways of one namespace that let in different people does not start', async () => {
    @Roles('admin')
    @WebSocketGateway({ namespace: '/staff' })
    class Other {}
    expect(await boot([StaffGateway, Other])).toMatchObject({ option: 'Other' });
    @WebSocketGateway({ namespace: '/' })
    class SameAsRoot {}
    expect(await boot([RootGateway, SameAsRoot])).toBeUndefined();
  });

  it('whose dynamic namespace is also for a stricter one does not start', async () => {
    @Roles('admin')
    @WebSocketGateway({ namespace: '/room-1' })
    class OneRoom {}
    // If the stricter one is there first, socket.io keeps them apart.
    const failures = [await boot([RoomGateway, OneRoom]), await boot([OneRoom, RoomGateway])];
    expect(failures.filter(Boolean)).toEqual([expect.objectContaining({ option: 'OneRoom' })]);
  });

  it.each([
    ['a list of the gateway', 'office', undefined, 400],
    ['a list of a handler', '', undefined, 400],
    ["a list of the user's", 'free', ['198.51.100.7/32'], 400],
    ['no list', 'free', undefined, 200],
  ])(
    'whose sockets depend on %s: polling goes on from there only',
    async (_what, namespace, ipAllowlist, status) => {
      @IpAllowlist(['198.51.100.0/24'])
      @WebSocketGateway({ namespace: 'office' })
      class OfficeGateway {}
      @WebSocketGateway({ namespace: 'free' })
      class FreeGateway {}
      const node = await startIoNode({
        gateways: [RootGateway, OfficeGateway, FreeGateway],
        session: { trustProxy: 1 },
      });
      const { token, userId } = await node.user();
      if (ipAllowlist) await node.users.setIpAllowlist(userId, ipAllowlist);
      const path = namespace === '' ? '' : `/${namespace},`;
      const say = (ip: string, query: string, body?: string) =>
        fetch(`${node.url}/socket.io/?EIO=4&transport=polling${query}`, {
          headers: { 'x-forwarded-for': ip },
          ...(body === undefined ? {} : { method: 'POST', body }),
        });
      const office = '198.51.100.7';
      const { sid } = JSON.parse((await (await say(office, '')).text()).slice(1)) as { sid: string };
      expect((await say(office, `&sid=${sid}`, `40${path}${JSON.stringify({ token })}`)).status).toBe(200);
      expect(await (await say(office, `&sid=${sid}`)).text()).toContain(`40${path}{"sid"`);
      expect((await say('203.0.113.9', `&sid=${sid}`, `42${path}["ping",1]`)).status).toBe(status);
      expect((await say(office, `&sid=${sid}`, `42${path}["ping",1]`)).status).toBe(200);
      await node.stop();
    },
  );

  it('takes no cookie by JSONP, which any page can send', async () => {
    const node = await startIoNode();
    const { token } = await node.user();
    const say = async (query: string, init: RequestInit = {}): Promise<string> => {
      const headers = { cookie: `__Host-session=${token}` };
      return (
        await fetch(`${node.url}/socket.io/?EIO=4&transport=polling&j=0${query}`, { headers, ...init })
      ).text();
    };
    const sid = /sid\\":\\"([^\\]+)/.exec(await say(''))?.[1];
    await say(`&sid=${sid}`, {
      method: 'POST',
      body: 'd=40',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(await say(`&sid=${sid}`)).toContain('cross_origin');
    await node.stop();
  });

  it('whose gateway belongs to another SessionModule than the adapter does not start', async () => {
    const realm = (name: string) =>
      SessionModule.forRoot({ isGlobal: false, keyPrefix: name, cookie: { name: `__Host-${name}` } });
    @WebSocketGateway({ namespace: 'shop' })
    class ShopGateway {}
    @WebSocketGateway({ namespace: 'office' })
    class OfficeGateway {}
    @Module({ imports: [realm('shop')], providers: [ShopGateway] })
    class ShopModule {}
    @Module({ imports: [realm('office')], providers: [OfficeGateway] })
    class OfficeModule {}
    @Module({ imports: [ShopModule, OfficeModule] })
    class App {}
    const app = await NestFactory.create(App, { logger: false, abortOnError: false });
    app.useWebSocketAdapter(new SessionIoAdapter(app));
    await expect(app.init()).rejects.toMatchObject({
      message: expect.stringContaining('a SessionModule that SessionIoAdapter does not serve') as string,
    });
    await app.close().catch(() => undefined);
  });

  it('gives nobody a namespace that has no gateway', async () => {
    const node = await startIoNode({ gateways: [OptionalGateway], session: { strict: false } });
    node.app.get(OptionalGateway).server.server.of('/own');
    for (const namespace of ['', '/own'])
      expect((await IoTestClient.refusal(node.url + namespace)).data).toMatchObject({
        code: 'forbidden',
        detail: 'No gateway serves this namespace',
      });
    await node.stop();
  });
});

/** How many connections engine.io holds, whatever namespaces they are in. */
function engineCount(node: IoNode): number {
  return node.app.get(RootGateway).server.engine.clientsCount;
}
