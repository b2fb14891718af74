import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const measure = join(__dirname, '../../bench/measure');
/** The bench is ES modules, which Jest does not run here: it gets a process of its own. */
const run = async (script: string): Promise<string> => {
  const args = ['--input-type=module', '-e', script];
  try {
    return (await promisify(execFile)(process.execPath, args, { cwd: measure })).stdout.trim();
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
};
const listen = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

describe('the load', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });
  const load = (port: number): Promise<string> =>
    run(`
      import { Load, requestsFor } from './load.mjs';
      const requests = requestsFor({ path: '/', port: ${port}, credentials: [{ a: '1' }, { a: '2' }] });
      const load = new Load({ target: { port: ${port}, requests }, connections: 4, limit: 40 });
      await load.finished();
      console.log(load.completed);
    `);
  const serve = (answer: (count: number) => { status: number; hangUp?: boolean }): Promise<number> => {
    let count = 0;
    const server = createServer((_request, response) => {
      const { status, hangUp } = answer((count += 1));
      if (hangUp) response.destroy();
      else response.writeHead(status, { 'content-length': 2 }).end('{}');
    });
    servers.push(server);
    return listen(server);
  };

  it('sends as many requests as it should', async () => {
    const seen = new Set<number>();
    const port = await serve((count) => {
      seen.add(count);
      return { status: 200 };
    });
    expect(await load(port)).toBe('40');
    expect(seen.size).toBe(40);
  });

  it.each([401, 500, 503])('fails at a single %i: no peer is fast by refusing', async (status) => {
    const port = await serve((count) => ({ status: count === 20 ? status : 200 }));
    expect(await load(port)).toContain(`HTTP/1.1 ${status}`);
  });

  it('fails when a connection is closed', async () => {
    const port = await serve((count) => ({ status: 200, hangUp: count === 20 }));
    expect(await load(port)).toContain('closed a connection');
  });
});

describe('the Redis calls of a request', () => {
  const check = (commands: object): Promise<string> =>
    run(`
      import { assertCalls } from './round-trips.mjs';
      assertCalls({ name: 'peer', redisCalls: 1 }, ${JSON.stringify(commands)});
    `);

  it('must be as many as expected', async () => {
    expect(await check({ evalsha: 1 })).toBe('');
    for (const commands of [{}, { evalsha: 2 }, { evalsha: 1, get: 1 }, { evalsha: 61 / 60 }]) {
      expect(await check(commands)).toContain('peer: 1 Redis calls a request were expected');
    }
  });
});

describe('the delay proxy', () => {
  it('holds replies back for no less than it should, and keeps their order', async () => {
    const echo = createTcpServer((socket) => socket.pipe(socket));
    const proxy = fork(join(measure, 'delay-proxy.mjs'), [String(await listen(echo))]);
    const ask = async (question: string, args?: number): Promise<number> => {
      proxy.send({ id: 1, ask: question, args });
      const [{ answer }] = (await once(proxy, 'message')) as [{ answer: number }];
      return answer;
    };
    try {
      const port = await ask('listen');
      await ask('delay', 2);
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('utf8');
      for (let index = 0; index < 20; index += 1) {
        const sentAt = performance.now();
        socket.write(`${index},`);
        const [reply] = (await once(socket, 'data')) as [string];
        expect(reply).toBe(`${index},`);
        expect(performance.now() - sentAt).toBeGreaterThanOrEqual(2);
      }
      socket.destroy();
    } finally {
      proxy.kill();
      echo.close();
    }
  });
});
