import { join } from 'node:path';
import { sessionsOn } from '../support/sessions-on.js';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';

const ENTRY = join(import.meta.dirname, 'support/data-node.mjs');
const NODES = 2;
const INCREMENTS = 100;

let server: RedisServer;
let nodes: AppProcess[] = [];

beforeAll(async () => {
  await buildSample();
  server = await RedisServer.start();
  const start = () => AppProcess.start({ entry: ENTRY, env: { REDIS_URL: server.url } });
  nodes = await Promise.all(Array.from({ length: NODES }, start));
}, BUILD_TIMEOUT_MS);
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await server.stop();
});

describe('two app processes', () => {
  it(`count ${INCREMENTS} parallel increments exactly, and tell each caller another sum`, async () => {
    const on = await sessionsOn(server.url);
    for (let round = 0; round < 5; round++) {
      const { token, session } = await on.sessions.create('ada');
      const sums = await Promise.all(
        Array.from({ length: INCREMENTS }, async (_, i) => {
          const reply = await fetch((nodes[i % NODES] as AppProcess).url, {
            method: 'POST',
            headers: { authorization: `Bearer ${token}` },
          });
          return reply.text();
        }),
      );
      expect(await on.sessions.data(session).get()).toEqual({ count: INCREMENTS });
      expect(sums.map(Number).sort((a, b) => a - b)).toEqual(
        Array.from({ length: INCREMENTS }, (_, i) => i + 1),
      );
    }
    await on.close();
  }, 30_000);
});
