import { request as httpRequest } from 'node:http';
import { networkInterfaces } from 'node:os';
import { RedisServer } from '../support/redis-server.js';
import { createApp } from '../../src/app.factory.js';
import { readConfig } from '../../src/config/read-config.js';
import { Outbox } from '../../src/outbox/outbox.js';
import { expectProblem } from './support/client.js';
import { messagesOf } from './support/outbox.js';
import { Sample } from './support/sample.js';

const PATH = '/dev/outbox';

/** An address of this machine that is not loopback. */
function outerAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

/** The status of a request with exactly these headers. */
function statusOf(url: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

describe('GET /dev/outbox', () => {
  it('has the last hundred messages, newest first', async () => {
    const sample = await Sample.start();
    try {
      const outbox = sample.app.get(Outbox);
      for (let i = 0; i < 130; i++) outbox.send({ to: `user ${i}`, purpose: 'test', token: `t${i}` });
      const messages = await messagesOf(sample.url);
      expect(messages.map(({ token }) => token)).toEqual(
        Array.from({ length: 100 }, (_, i) => `t${129 - i}`),
      );
      expect(messages[0]).toEqual({ to: 'user 129', purpose: 'test', token: 't129', at: expect.any(String) });
    } finally {
      await sample.stop();
    }
  });

  it('goes by the address of the socket, whatever headers say', async () => {
    const address = outerAddress() ?? '127.0.0.1';
    const app = await createApp(readConfig({ PORT: '0' }));
    const believing = await createApp(readConfig({ PORT: '0', TRUST_PROXY: '1' }));
    await app.listen(0, '0.0.0.0');
    await believing.listen(0, '0.0.0.0');
    try {
      const { port } = app.getHttpServer().address() as { port: number };
      const near = `http://127.0.0.1:${port}${PATH}`;
      const far = `http://${address}:${port}${PATH}`;
      expect(await statusOf(near)).toBe(200);
      expect(address).not.toBe('127.0.0.1'); // else the rest proves nothing
      const spoofed = { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-real-ip': '::1' };
      for (const headers of [{}, spoofed, { ...spoofed, host: 'localhost' }]) {
        expect(await statusOf(far, headers)).toBe(404);
      }
      // Also one who may say whom it speaks for.
      const other = (believing.getHttpServer().address() as { port: number }).port;
      const said = { 'x-forwarded-for': '127.0.0.1', host: 'localhost' };
      expect(await statusOf(`http://${address}:${other}${PATH}`, said)).toBe(404);
      expect(await statusOf(`http://127.0.0.1:${other}${PATH}`)).toBe(200);
      // For a proxy on this machine everybody is near, and a client of its chooses the host, and what it says of itself.
      const ways = { 'x-real-ip': '203.0.113.9', forwarded: 'for="[2001:db8::1]"', via: '1.1 edge' };
      for (const one of [app, believing]) {
        const { port: behind } = one.getHttpServer().address() as { port: number };
        const through = (headers: Record<string, string>) =>
          statusOf(`http://127.0.0.1:${behind}${PATH}`, { host: 'localhost', ...headers });
        for (const [name, value] of Object.entries({ ...ways, 'x-forwarded-for': '127.0.0.1' }))
          expect([name, await through({ [name]: value })]).toEqual([name, 404]);
      }
    } finally {
      await app.close();
      await believing.close();
    }
  });

  it('is not for a name that points here, nor behind an origin that others see', async () => {
    const env = { PUBLIC_ORIGIN: 'https://app.example', FORWARDED_HEADER: 'x-edge-ip' };
    const behind = await createApp(readConfig({ PORT: '0', ...env }));
    await behind.listen(0, '127.0.0.1');
    const sample = await Sample.start({ env: { FORWARDED_HEADER: 'x-edge-ip' } });
    try {
      const url = `${sample.url}${PATH}`;
      expect(await statusOf(url)).toBe(200);
      expect(await statusOf(url, { 'x-edge-ip': '127.0.0.1' })).toBe(404);
      expect(await statusOf(url, { host: 'evil.example' })).toBe(404);
      expect(await statusOf(url, { host: '127.0.0.1.evil.example' })).toBe(404);
      // A proxy that says nothing of itself, as nginx with proxy_pass alone.
      const { port } = behind.getHttpServer().address() as { port: number };
      expect(await statusOf(`http://127.0.0.1:${port}${PATH}`)).toBe(404);
    } finally {
      await behind.close();
      await sample.stop();
    }
  });

  it('is not there in production, nor is what would need a mailer', async () => {
    const server = await RedisServer.start();
    const sample = await Sample.start({ env: { NODE_ENV: 'production', REDIS_URL: server.url } });
    try {
      expectProblem(await sample.anybody().get(PATH), 404, 'not_found');
      const reply = await sample.anybody().post('/auth/password-reset', { username: 'anybody' });
      expectProblem(reply, 404, 'not_found');
      expect(reply.body.detail).toBe('No messages can be sent from here');
    } finally {
      await sample.stop();
      await server.stop();
    }
  });
});
