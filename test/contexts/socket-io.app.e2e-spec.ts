import { setTimeout as sleep } from 'node:timers/promises';
import { PolicyManifest, type SessionModuleOptions } from '@latchkey/session';
import { PATIENT_MS } from '../support/patience.js';
import { PLATFORMS } from '../support/library-app.js';
import { RedisServer } from '../support/redis-server.js';
import { IoTestClient, until } from './support/io-client.js';
import { type IoNode, RootGateway, startIoNode, told } from './support/io-node.js';

const [EXPRESS, FASTIFY] = PLATFORMS;

let server: RedisServer;
beforeAll(async () => void (server = await RedisServer.start()));
afterAll(() => server.stop());

// The contract suite has the other two pairs of platform and transport, and every decorator.
describe.each([
  ['Express', 'memory', 'polling', EXPRESS],
  ['Fastify', 'Redis', 'websocket', FASTIFY],
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
        allowedOrigins: ['https://spa.example'],
        live: { maxConnectionsPerSession: 4 },
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
      const { token } = await node.user();
      const extraHeaders = { cookie: `__Host-session=${token}`, origin: 'https://spa.example' };
      await open(undefined, '', { auth: {}, extraHeaders });
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
      const other = await open(moderator.token);
      expect(await other.ask('delete')).toEqual({ deleted: true });
      expect(told.filter((line) => line.startsWith('delete'))).toEqual([`delete ${moderator.userId}`]);
    });

    it('that is refused has the event exception and no acknowledgement, as with Nest', async () => {
      const { token } = await node.user();
      const client = await open(token);
      const acknowledge = jest.fn();
      client.socket.emit('delete', acknowledge);
      expect(await client.event('exception')).toEqual({
        type: 'urn:problem-type:latchkey:forbidden',
        title: expect.any(String) as string,
        status: 403,
        detail: expect.any(String) as string,
        code: 'forbidden',
      });
      expect(await client.ask('answer', 1)).toEqual({ answer: 1 });
      expect(acknowledge).not.toHaveBeenCalled();
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

    it('counts against a quota by a function of the handshake', async () => {
      const { token } = await node.user();
      const options = { extraHeaders: { 'x-tenant': 'acme' } };
      const clients = [await open(token, '', options), await open(token, '', options)];
      for (const client of clients) expect(await client.ask('by-function')).toEqual({ counted: true });
      for (const client of clients)
        expect((await client.say('by-function'))[1]).toMatchObject({ code: 'rate_limited', status: 429 });
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
      await client.event('three');
      // By polling it gets lost while no request waits for it.
      await until(() => {
        root.volatile.emit('four', bytes);
        return client.events('four').length > 0;
      }, 'what may get lost');
      expect(client.events('one')).toEqual([{ bytes }]);
      expect(client.events('two')).toEqual([{ bytes, again: bytes }]);
      expect(client.events('three')).toEqual(['text']);
      const answers = (await root
        .timeout(50)
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
      const raw = Reflect.get(client.socket.io.engine.transport, 'ws') as { pause(): void } | undefined;
      if (transport === 'websocket') raw?.pause();
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
    const { token } = await node.user();
    await Promise.all([1, 2, 3, 4].map(() => open(token)));
    expect((await refusal(token)).data).toMatchObject({ code: 'too_many_connections' });
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

  it('ends when its session times out; when the server stops, its clients may come back', async () => {
    const other = await start({ lifetime: { inactivityTimeout: '1s', absoluteTimeout: '2s' } });
    const { token } = await other.user();
    const client = await IoTestClient.open(other.url, { transports, auth: { token } });
    await client.ended();
    expect(client.events('session-ended')).toEqual([{ code: 'session_expired' }]);
    const { token: next } = await other.user();
    const last = await IoTestClient.open(other.url, { transports, auth: { token: next } });
    await other.stop();
    expect((await last.ended()).reason).toMatch(/^transport/);
    expect(last.events('session-ended')).toEqual([]);
    for (const one of [client, last]) one.close();
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

/** How many connections engine.io holds, whatever namespaces they are in. */
function engineCount(node: IoNode): number {
  return node.app.get(RootGateway).server.engine.clientsCount;
}
