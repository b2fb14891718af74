import { once } from 'node:events';
import { request as requestPlain, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { SessionService } from '@latchkey/session';
import { start } from '../../examples/behind-nginx-tls/app.js';
import { Nginx } from './support/nginx.js';

/** Where the client is. The proxy is at 127.0.0.1, and the only one that the app trusts. */
const CLIENT = '127.0.0.2';
/** A first install of nginx may take its time. */
const INSTALL_TIMEOUT_MS = 300_000;

describe('examples/behind-nginx-tls', () => {
  let app: INestApplication;
  let nginx: Nginx;
  let origin: string;

  beforeAll(async () => {
    app = await start(0);
    nginx = await Nginx.startBefore((app.getHttpServer().address() as AddressInfo).port);
    origin = `https://app.example:${nginx.port}`;
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => {
    await nginx?.stop();
    await app?.close();
  });

  /** As a browser does that finds app.example at this machine. */
  async function send(
    method: string,
    path: string,
    { headers = {}, body }: { headers?: Readonly<Record<string, string>>; body?: object } = {},
  ): Promise<IncomingMessage> {
    const sent = request({
      host: '127.0.0.1',
      port: nginx.port,
      servername: 'app.example',
      localAddress: CLIENT,
      ca: nginx.ca,
      agent: false,
      method,
      path,
      headers: {
        host: new URL(origin).host,
        ...headers,
        ...(body && { 'content-type': 'application/json' }),
      },
    });
    sent.end(body && JSON.stringify(body));
    const [reply] = (await once(sent, 'response')) as [IncomingMessage];
    return reply;
  }
  const json = async (reply: IncomingMessage) => JSON.parse(await text(reply)) as Record<string, unknown>;
  const logIn = (headers: Readonly<Record<string, string>>) =>
    send('POST', '/auth/login', { headers, body: { username: 'ada', password: 'ada-password' } });
  const cookieOf = (reply: IncomingMessage) => reply.headers['set-cookie']?.[0]?.split(';')[0] ?? '';

  it('knows its own origin, which the proxy says, and no other', async () => {
    const login = await logIn({ origin });
    expect(login.statusCode).toBe(200);
    const cookie = cookieOf(login);
    expect(cookie).toMatch(/^__Host-session=/);
    const denied = async (headers: Readonly<Record<string, string>>) =>
      json(await send('POST', '/auth/logout', { headers: { cookie, ...headers } }));
    for (const other of [`http://app.example:${nginx.port}`, 'https://app.example', 'https://evil.example'])
      expect(await denied({ origin: other })).toMatchObject({ code: 'cross_origin' });
    // What a client says of hosts and schemes is lost at the proxy.
    const claims = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
    };
    expect(await denied({ origin: 'https://evil.example', ...claims })).toMatchObject({
      code: 'cross_origin',
    });
    expect((await send('POST', '/auth/logout', { headers: { cookie, origin, ...claims } })).statusCode).toBe(
      204,
    );
  });

  it('knows the client IP, and believes no client about it', async () => {
    const forged = {
      'x-forwarded-for': '203.0.113.7',
      'x-real-ip': '203.0.113.8',
      forwarded: 'for=203.0.113.9',
    };
    const cookie = cookieOf(await logIn({ origin, ...forged }));
    const expected = { userId: 'ada', loggedInFrom: CLIENT, clientIp: CLIENT };
    expect(await json(await send('GET', '/me', { headers: { cookie, ...forged } }))).toEqual(expected);
    // Past the proxy: what a client of its own says counts for nothing.
    const direct = requestPlain(`${await app.getUrl()}/me`, {
      localAddress: CLIENT,
      headers: { cookie, ...forged },
    });
    direct.end();
    const [reply] = (await once(direct, 'response')) as [IncomingMessage];
    expect(await json(reply)).toEqual(expected);
  });

  it('lets events through as they come, and their end', async () => {
    const cookie = cookieOf(await logIn({ origin }));
    const stream = await send('GET', '/ticks', { headers: { cookie } });
    expect(stream.headers['content-type']).toMatch(/^text\/event-stream/);
    let heard = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk));
    for (let i = 0; i < 200 && !heard.includes('tick'); i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(heard).toContain('event: tick');
    const ended = once(stream, 'end'); // which may come before the act resolves
    await app.get(SessionService).revokeAll('ada');
    await ended;
    expect(heard).toContain('event: session-ended');
  });
});
