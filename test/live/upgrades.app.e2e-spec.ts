import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { AppProcess } from '../support/app-process.js';
import { SocketClient } from './support/clients.js';
import { RawSocket, upgradeBytes, type UpgradeParts } from './support/raw-socket.js';

const ENTRY = join(__dirname, 'support/live-process.mjs');

beforeAll(() => buildSample(), BUILD_TIMEOUT_MS);

describe.each(['Express', 'Fastify'])('an upgrade on %s', (platform) => {
  let app: AppProcess;
  beforeAll(async () => void (app = await AppProcess.start({ entry: ENTRY, env: { PLATFORM: platform } })));
  afterAll(() => app.stop('SIGKILL'));

  /** The status line's code, or 0 without a reply. */
  const statusOf = async (parts: UpgradeParts): Promise<number> =>
    Number(/^HTTP\/1\.1 (\d{3})/.exec(await RawSocket.ask(app.url, upgradeBytes(parts)))?.[1] ?? 0);
  const expectAlive = async (): Promise<void> => {
    expect((await fetch(`${app.url}/health`)).status).toBe(200);
  };

  it.each<[string, number, UpgradeParts]>([
    ['//', 400, { target: '//' }],
    ['*', 400, { target: '*' }],
    ['a host for a target', 400, { target: 'http://[' }],
    ['a malformed escape', 400, { target: '/public%' }],
    ['another', 400, { target: '/%zz' }],
    ['a scheme of nothing', 400, { target: 'gopher://localhost/public' }],
    ['a port that is none', 400, { target: 'http://localhost:x/public' }],
    ['16 KB of target', 431, { target: `/${'a'.repeat(16_400)}` }],
    ['nearly as much', 404, { target: `/${'a'.repeat(15_000)}` }],
    ['dots', 404, { target: '/x/../public' }],
    ['no such path', 404, { target: '/nowhere' }],
    ['no Host', 400, { host: [] }],
    ['two Hosts', 400, { host: ['localhost', 'localhost'] }],
    ['an empty Host', 400, { host: [''] }],
    ['garbage for a Host', 400, { host: ['[[[:::'] }],
    ['a Host with a path', 400, { host: ['localhost/public'] }],
    ['an open bracket', 400, { host: ['[::1'] }],
    ['a session that is missing', 401, { target: '/ws' }],
  ])('for %s is answered %i', async (_what, status, parts) => {
    expect(await statusOf(parts)).toBe(status);
    await expectAlive();
  });

  it.each<[string, UpgradeParts]>([
    ['its path', {}],
    ['a query', { target: '/public?x=%2F&y' }],
    ['absolute form', { target: 'http://localhost:80/public' }],
    ['an IPv6 host', { host: ['[::1]:3000'] }],
    ['capitals', { upgrade: 'WebSocket' }],
  ])('with %s succeeds', async (_what, parts) => {
    const raw = await RawSocket.open(app.url);
    raw.write(upgradeBytes(parts));
    for (let i = 0; i < 100 && !raw.received.includes('\r\n\r\n'); i++) await sleep(20);
    expect(raw.received).toMatch(/^HTTP\/1\.1 101 /);
    raw.reset();
  });

  it.each<[string, UpgradeParts]>([
    ['h2c', { upgrade: 'h2c', headers: ['HTTP2-Settings: AAMAAABkAAQAAP__'] }],
    ['something unknown', { upgrade: 'foo/2, bar' }],
    ['one of several', { upgrade: 'h2c, websocket' }],
    ['a WebSocket by HTTP/1.0', { version: '1.0' }],
  ])('to %s gets the ordinary reply', async (_what, parts) => {
    const reply = await RawSocket.ask(app.url, upgradeBytes({ ...parts, target: '/health' }));
    expect(reply).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*"memory"/);
    await expectAlive();
  });

  it.each(['h2c', 'websocket'])(
    'to %s with a body is answered by the handler, body and all',
    async (upgrade) => {
      const text = JSON.stringify({ text: 'x'.repeat(20_000) });
      const headers = ['Content-Type: application/json', `Content-Length: ${text.length}`];
      const parts = { method: 'POST', target: '/echo', upgrade, headers, body: text };
      const reply = await RawSocket.ask(app.url, upgradeBytes(parts));
      expect(reply).toMatch(/^HTTP\/1\.1 201 /);
      expect(reply.endsWith(text)).toBe(true);
    },
  );

  it('in chunks, which end after the handler has begun, too', async () => {
    const headers = ['Content-Type: application/json', 'Transfer-Encoding: chunked'];
    const raw = await RawSocket.open(app.url);
    raw.write(
      upgradeBytes({ method: 'POST', target: '/echo', upgrade: 'h2c', headers, body: '8\r\n{"a":"b"\r\n' }),
    );
    await sleep(50);
    raw.write('1\r\n}\r\n0\r\n\r\n');
    for (let i = 0; i < 100 && !raw.isClosed && !raw.received.includes('{"a"'); i++) await sleep(20);
    expect(raw.received).toMatch(/^HTTP\/1\.1 201 [^]*\{"a":"b"\}/);
    raw.reset();
  });

  it('that is reset before, during and after the reply ends no process', async () => {
    const all = ['//', '*', '/nowhere', '/public', '/ws', '/health'];
    for (const target of all) {
      for (const upgrade of ['websocket', 'h2c']) {
        for (const pauseMs of [0, 0, 1, 5, 20]) {
          const raw = await RawSocket.open(app.url);
          raw.write(upgradeBytes({ target, upgrade, host: target === '*' ? [] : ['x'] }));
          if (pauseMs > 0) await sleep(pauseMs);
          if (pauseMs === 5) raw.socket.end();
          else raw.reset();
        }
      }
    }
    await sleep(200);
    await expectAlive();
  });

  it('takes what was sent right after the handshake', async () => {
    const raw = await RawSocket.open(app.url);
    const frame = Buffer.from([0x81, 0x80 | 16, 0, 0, 0, 0, ...Buffer.from('{"event":"ping"}')]);
    raw.write(upgradeBytes() + frame.toString('latin1'));
    for (let i = 0; i < 100 && !raw.received.includes('pong'); i++) await sleep(20);
    expect(raw.received).toContain('{"event":"pong","data":{}}');
    raw.reset();
  });

  it('after an earlier request without its reply is cut off', async () => {
    const slow =
      'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}';
    for (let i = 0; i < 20; i++) await RawSocket.ask(app.url, slow + upgradeBytes({ target: '/nowhere' }));
    await expectAlive();
  });

  it('leaves a client that does it right alone', async () => {
    const client = await SocketClient.open(app.url, {}, '/public');
    client.send('ping');
    expect(await client.message('pong')).toEqual({});
    client.close();
  });
});
