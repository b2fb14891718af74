import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { IoTestClient } from '../contexts/support/io-client.js';
import { RawSocket } from '../live/support/raw-socket.js';
import { BUILD_TIMEOUT_MS, buildLibrary } from '../sample/support/build.js';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';
import { type SessionsOn, sessionsOn } from '../support/sessions-on.js';

const ENTRY = join(__dirname, '../contexts/support/io-process.mjs');
const PATH = '/socket.io/';
const HANDSHAKE = `${PATH}?EIO=4&transport=polling`;

beforeAll(() => buildLibrary(), BUILD_TIMEOUT_MS);

describe.each([
  ['Express', {}],
  // As long as the app thinks about a handshake, nobody else looks after its socket.
  ['Fastify', { THINK_MS: '20' }],
])('socket.io on %s: what no client of ours sends', (platform, env) => {
  let server: RedisServer;
  let sessions: SessionsOn;
  let app: AppProcess;
  let token: string;

  beforeAll(async () => {
    server = await RedisServer.start();
    sessions = await sessionsOn(server.url);
    app = await AppProcess.start({
      entry: ENTRY,
      env: { REDIS_URL: server.url, PLATFORM: platform, ...env },
    });
    ({ token } = await sessions.sessions.create('ada'));
  });
  /** The process is there, leaves nothing behind, and serves who does it right. */
  afterEach(async () => {
    const client = await IoTestClient.open(app.url, { auth: { token } });
    expect(await client.ask('echo', 'x')).toBe('x');
    client.close();
    let clients = Infinity;
    for (let i = 0; i < 100 && clients > 0; i++) {
      await sleep(20);
      ({ clients } = (await (await fetch(`${app.url}/health`)).json()) as { clients: number });
    }
    expect(clients).toBe(0);
    expect(app.output.split('\n').slice(1).join('\n')).toBe('');
  });
  afterAll(async () => {
    await app.stop('SIGKILL');
    await sessions.close();
    await server.stop();
  });

  const request = (target: string, method = 'GET', body = '', headers: readonly string[] = []): string =>
    [
      `${method} ${target} HTTP/1.1`,
      'Host: localhost',
      'Connection: close',
      ...headers,
      ...(body ? [`Content-Length: ${Buffer.byteLength(body)}`] : []),
      '',
      body,
    ].join('\r\n');
  const statusOf = (reply: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(reply)?.[1] ?? 0);

  /** A connection by polling: its `sid`. */
  async function open(): Promise<string> {
    const reply = await (await fetch(`${app.url}${HANDSHAKE}`)).text();
    return (JSON.parse(reply.slice(1)) as { sid: string }).sid;
  }
  /** Says something by polling, and takes what there is to take. */
  async function say(sid: string, body: string): Promise<string> {
    const post = await fetch(`${app.url}${HANDSHAKE}&sid=${sid}`, { method: 'POST', body });
    await post.text();
    const poll = await fetch(`${app.url}${HANDSHAKE}&sid=${sid}`, { signal: AbortSignal.timeout(300) }).catch(
      () => undefined,
    );
    return (await poll?.text().catch(() => '')) ?? '';
  }
  async function leave(sid: string): Promise<void> {
    await fetch(`${app.url}${HANDSHAKE}&sid=${sid}`, { method: 'POST', body: '1' }).catch(() => undefined);
  }

  it.each([
    `${PATH}?EIO=4&transport=nothing`,
    `${PATH}?EIO=4&transport=__proto__`,
    `${PATH}?EIO=4&transport=webtransport`,
    `${PATH}?EIO=4&transport=websocket`,
    `${PATH}?EIO=3&transport=polling`,
    `${PATH}?EIO=&transport=polling`,
    `${PATH}?`,
    PATH,
    `${HANDSHAKE}&sid=unknown`,
    `${HANDSHAKE}&sid=__proto__`,
    `${HANDSHAKE}&sid=constructor`,
    `${HANDSHAKE}&sid=%zz&x=%`,
    `${HANDSHAKE}&sid=${'a'.repeat(8_000)}`,
    `http://localhost${HANDSHAKE}&sid=x`,
    '//socket.io/?EIO=4',
    '/socket.io?EIO=4&transport=polling&sid=x',
  ])('the query %s is refused', async (target) => {
    for (const method of ['GET', 'POST', 'PUT', 'OPTIONS', 'HEAD']) {
      const reply = await RawSocket.ask(app.url, request(target, method, method === 'GET' ? '' : '40'));
      expect([method, statusOf(reply) >= 400 && statusOf(reply) < 500]).toEqual([method, true]);
    }
  });

  it.each([
    ['a packet of no type', '4'],
    ['an unknown type', '49'],
    ['an event before it has joined', '42["echo",1]'],
    ['an event with no name', '40\x1e42[]'],
    ['an event that is no list', '40\x1e42{}'],
    ['half an event', '40\x1e42["echo"'],
    ['an acknowledgement of nothing', '40\x1e4399999[]'],
    ['an acknowledgement that is no list', '40\x1e431{}'],
    ['attachments that do not come', '40\x1e451-["echo",{"_placeholder":true,"num":0}]\x1e42["echo",1]'],
    ['attachments that are not there', '40\x1e451-["echo",{"_placeholder":true,"num":7}]\x1ebAAAA'],
    ['too many attachments', '40\x1e4599999999-["echo"]'],
    ['an attachment of nothing', '40\x1ebAAAA'],
    ['a refusal of its own', '44{"message":"x"}'],
    ['a namespace in the middle of nowhere', '42/nowhere,["echo",1]'],
    ['a token that is no text', '40{"token":{"$gt":""}}'],
    ['a handshake that is no object', '40"x"'],
    ['a handshake that is a list', '40[1]'],
    ['a recovery that nobody offers', '40{"token":"x","pid":"__proto__","offset":"constructor"}'],
    ['a prototype', '40{"__proto__":{"token":"x"},"constructor":1}'],
    ['a namespace twice', '40{"token":"T"}\x1e40{"token":"T"}'],
    ['thousands of namespaces', Array.from({ length: 1_500 }, (_, i) => `40/${i},`).join('\x1e')],
    ['one namespace thousands of times', Array.from({ length: 4_000 }, () => '40').join('\x1e')],
    ['reserved names', '40{"token":"T"}\x1e42["disconnect"]'],
    ['names of internal events', '40{"token":"T"}\x1e42["error",{}]\x1e42["disconnecting"]'],
    ['names of every object', '40{"token":"T"}\x1e42["__proto__",1]\x1e42["constructor"]\x1e42["toString"]'],
    ['a number for a name', '40{"token":"T"}\x1e42[1,2]'],
    ['a huge number of an acknowledgement', '40{"token":"T"}\x1e4299999999999999999999["echo",1]'],
    ['a ping of the wrong side', '2\x1e2probe\x1e3\x1e5\x1e6'],
    ['nothing', ' '],
    ['separators', '\x1e\x1e\x1e'],
  ])('%s ends no process', async (_what, text) => {
    const body = text.replaceAll('"T"', JSON.stringify(token));
    const sid = await open();
    await say(sid, body);
    await leave(sid);
    // The same by WebSocket, frame by frame, as text and as binary.
    for (const isBinary of [false, true]) {
      const socket = new WebSocket(`${app.url.replace('http', 'ws')}${PATH}?EIO=4&transport=websocket`);
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('message', resolve));
      for (const frame of body.split('\x1e')) socket.send(isBinary ? Buffer.from(frame) : frame);
      await sleep(30);
      socket.terminate();
    }
  });

  it('a body that is too large is refused', async () => {
    const sid = await open();
    const post = await fetch(`${app.url}${HANDSHAKE}&sid=${sid}`, {
      method: 'POST',
      body: 'x'.repeat(20_000),
    })
      .then(({ status }) => status)
      .catch(() => 'cut off');
    expect([413, 'cut off']).toContain(post);
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}${PATH}?EIO=4&transport=websocket`);
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('message', resolve));
    socket.send('4'.repeat(20_000));
    expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(1009);
  });

  it('a client that sends more than it may wait for is cut off', async () => {
    const client = await IoTestClient.open(app.url, { auth: { token }, transports: ['polling'] });
    for (let i = 0; i < 60_000 && client.left === undefined; i++) {
      client.socket.emit('echo', 1);
      if (i % 2_000 === 0) await sleep(1);
    }
    await sleep(100);
    client.close();
  }, 60_000);

  it('a connection that is reset at any stage ends no process', async () => {
    const upgrade = [
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ];
    const stages = [
      request(HANDSHAKE).slice(0, -2), // a whole one would be a client that is waited for
      request(`${HANDSHAKE}&sid=x`, 'POST', '40'),
      request(`${PATH}?EIO=4&transport=websocket`, 'GET', '', upgrade).replace('close', 'Upgrade'),
      request(`${PATH}?EIO=4&transport=websocket&sid=x`, 'GET', '', upgrade).replace('close', 'Upgrade'),
      request('/nowhere', 'GET', '', upgrade).replace('close', 'Upgrade'),
      request('/health', 'GET', '', upgrade).replace('close', 'Upgrade'),
    ];
    for (const bytes of stages) {
      for (const pauseMs of [0, 0, 1, 3, 10]) {
        for (const cut of [bytes.length, bytes.length - 2, bytes.length >> 1]) {
          const raw = await RawSocket.open(app.url);
          raw.write(bytes.slice(0, cut));
          if (pauseMs > 0) await sleep(pauseMs);
          raw.reset();
        }
      }
    }
    const sid = await open();
    for (const pauseMs of [0, 1, 5]) {
      const raw = await RawSocket.open(app.url);
      raw.write(request(`${HANDSHAKE}&sid=${sid}`));
      await sleep(pauseMs);
      raw.reset();
    }
    for (const pauseMs of [0, 1, 5]) {
      const own = await open();
      const raw = await RawSocket.open(app.url);
      raw.write(request(`${HANDSHAKE}&sid=${own}`, 'POST', `40${JSON.stringify({ token })}`));
      await sleep(pauseMs);
      raw.reset();
      await leave(own);
    }
  });
});
