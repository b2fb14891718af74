import { createServer } from 'node:net';

/** Below the ports that the kernel gives to connections (32768 and up), one of which may be taken at any moment. */
const FIRST = 10_000;
const OF_A_WORKER = 5_500;
const WORKERS = 4;

const base = FIRST + (Number(process.env['JEST_WORKER_ID'] ?? 0) % WORKERS) * OF_A_WORKER;
let next = Math.floor(Math.random() * OF_A_WORKER);

/** A TCP port of 127.0.0.1 that nobody listens on; this process gives each out once, other Jest workers never. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < OF_A_WORKER; attempt++) {
    const port = base + (next++ % OF_A_WORKER);
    if (await isFree(port)) return port;
  }
  throw new Error(`No port from ${base} on is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
