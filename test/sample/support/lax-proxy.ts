import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Another origin in front of the sample, without `no-store`: a browser keeps every page for Back then, as some do anyway.
 * On `/elsewhere` is a page of its own.
 */
export async function startLaxProxy(target: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === '/elsewhere') {
      outgoing.setHeader('Content-Type', 'text/html').end('<title>elsewhere</title>Elsewhere');
      return;
    }
    const { method, headers } = incoming;
    const passing = request(`${target}${incoming.url}`, { ...(method ? { method } : {}), headers });
    passing.on('response', (reply) => {
      const { 'cache-control': _dropped, ...kept } = reply.headers;
      outgoing.writeHead(reply.statusCode ?? 502, kept);
      reply.on('error', () => outgoing.destroy()).pipe(outgoing);
    });
    passing.on('error', () => outgoing.destroy());
    outgoing.on('close', () => passing.destroy());
    incoming.pipe(passing);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => undefined);
    },
  };
}
