import { Load } from './load.mjs';

const REQUESTS = 60;

/**
 * The commands that an app sends to Redis for each request, by name, counted by MONITOR; a script counts as one, by its
 * hash. What idle apps send now and then is left out: it comes less often than once a request.
 */
export async function countCommands({ app, redis, path }) {
  const commands = await redis.commandsDuring(async () => {
    await new Load({ target: app.target(path), connections: 1, limit: REQUESTS }).finished();
  });
  const counts = new Map();
  for (const [command, first] of commands) {
    const name = command.toLowerCase();
    const key = name === 'evalsha' ? `evalsha ${first}` : name;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const perRequest = {};
  for (const [key, count] of counts) {
    if (count < REQUESTS) continue;
    const name = key.split(' ')[0];
    perRequest[name] = (perRequest[name] ?? 0) + count / REQUESTS;
  }
  return perRequest;
}

/** @throws Error when a request makes another number of Redis calls than the configuration says */
export function assertCalls({ name, redisCalls }, perRequest) {
  const calls = Object.values(perRequest).reduce((sum, count) => sum + count, 0);
  if (redisCalls === undefined || calls === redisCalls) return;
  const found = JSON.stringify(perRequest);
  throw new Error(`${name}: ${redisCalls} Redis calls a request were expected, and ${found} came`);
}
