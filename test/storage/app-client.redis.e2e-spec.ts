import { AsyncLocalStorage } from 'node:async_hooks';
import { redisClientOptions } from '@latchkey/session';
import { Redis, type RedisOptions } from 'ioredis';
import { newSession } from '../../libs/session/src/testing/contract/support.js';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn } from '../support/sessions-on.js';

let server: RedisServer;
const closing: (() => Promise<unknown> | void)[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await server.client().flushall();
});
afterAll(() => server.stop());

function clientOf(options: RedisOptions = {}): Redis {
  const client = new Redis(server.url, { ...redisClientOptions(), ...options });
  closing.push(() => client.disconnect());
  return client;
}

async function openOn(client: Redis) {
  const on = await sessionsOn(client, { commandTimeoutMs: 2_000 });
  closing.push(() => on.close());
  return on;
}

describe("a client of the app's", () => {
  it('may send a call again after a reconnection: it arrives byte for byte', async () => {
    let resent = 0;
    const client = clientOf({
      enableOfflineQueue: true,
      maxRetriesPerRequest: null,
      reconnectOnError: ({ message }) => (message.startsWith('NOSCRIPT') && resent++ === 0 ? 2 : false),
    });
    const on = await openOn(client);
    const { token } = await on.sessions.create('ada'); // of bytes, half of which UTF-8 would write as two
    await on.sessions.authenticate(token);
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    await server.client().script('FLUSH');
    await on.sessions.authenticate(token);
    expect(resent).toBeGreaterThan(1);
    expect(errors).toEqual([]);
  });

  it('may be traced as OpenTelemetry does it: in the context of the request, and with functions off the call', async () => {
    const requests = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const client = clientOf();
    const original = client.sendCommand.bind(client);
    const traced = (command: { resolve: Function; reject: Function }, stream?: never) => {
      const { resolve, reject } = command;
      seen.push(requests.getStore());
      command.resolve = (reply: unknown) => resolve(reply);
      command.reject = (error: unknown) => reject(error);
      return original(command as never, stream);
    };
    client.sendCommand = Object.assign(traced, { __original: original });

    const on = await openOn(client);
    const { token } = await on.sessions.create('ada');
    await on.sessions.authenticate(token);
    seen.length = 0;
    const names = ['one', 'two', 'three'];
    await Promise.all(names.map((name) => requests.run(name, () => on.sessions.authenticate(token))));
    expect(seen).toEqual(names);
    await server.client().script('FLUSH');
    await on.sessions.authenticate(token);
  });

  it('may have a prefix: what is damaged is as unavailable as without one', async () => {
    const on = await openOn(clientOf({ keyPrefix: 'app:' }));
    const { session, proof } = newSession({ userId: 'ada' });
    await on.repository.create(session);
    const [key] = await server.client().keys('app:lk:*:user');
    await server.client().hset(key!, 'l', 'too short');
    await expect(on.repository.authenticate(proof, { touchIfRoles: [], quotas: [] })).rejects.toMatchObject({
      code: 'session_store_unavailable',
    });
  });
});

describe('a Redis that stops for a while', () => {
  it('leaves none of thousands of calls waiting beyond its deadline', async () => {
    const client = clientOf({ socketTimeout: undefined });
    const on = await sessionsOn(client, { commandTimeoutMs: 200 });
    closing.push(() => on.close());
    const { token } = await on.sessions.create('ada');
    server.freeze();
    closing.push(() => server.thaw());
    // One a turn of the event loop would take six thousand turns, however busy the machine is.
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 1);
    const ends = await Promise.allSettled(
      Array.from({ length: 6_000 }, () => on.sessions.authenticate(token)),
    );
    clearInterval(counting);
    expect(turns).toBeLessThan(3_000);
    for (const end of ends) {
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'session_store_unavailable' } });
    }
  });
});
