// How the acts on one user grow with the number of sessions that the user has.
import { DEVICE } from '../apps/users.mjs';
import { libraryOn } from '../measure/library-on.mjs';
import { RedisServer } from '../measure/redis-server.mjs';
import { median, round } from '../measure/statistics.mjs';

const TEMPLATE = 'template';
const SESSION_ID = /^[\w-]{16}$/;

export async function measureGrowth({ sizes, repeats, log }) {
  const redis = await RedisServer.start();
  const library = await libraryOn(redis, { maxSessionsPerUser: 10_000 });
  const refreshing = await libraryOn(redis, { maxSessionsPerUser: 10_000, refresh: true });
  try {
    const rows = [];
    for (const sessions of sizes) {
      await makeTemplate({ redis, library, sessions });
      const samples = {};
      for (let index = 0; index < repeats; index++) {
        await measureUser({ redis, library, refreshing, samples, userId: `user-${sessions}-${index}` });
      }
      rows.push({ sessions, ...summarise(samples) });
      await library.users.erase(TEMPLATE);
    }
    log('growth: measured');
    return rows;
  } finally {
    await library.close();
    await refreshing.close();
    await redis.stop();
  }
}

/** One user with so many sessions: one that the library made, and copies of its record under other session IDs. */
async function makeTemplate({ redis, library, sessions }) {
  await library.users.ensure(TEMPLATE, { roles: ['user'] });
  await library.sessions.create(TEMPLATE, { device: DEVICE });
  const key = await keyOf(redis, TEMPLATE);
  const fields = await redis.client.hgetallBuffer(key);
  const id = Object.keys(fields).find((field) => SESSION_ID.test(field));
  const pipeline = redis.client.pipeline();
  for (let index = 1; index < sessions; index++) {
    const copy = `copy${String(index).padStart(12, '0')}`;
    pipeline.hset(key, copy, fields[id], `${copy}:d`, fields[`${id}:d`]);
  }
  await pipeline.exec();
}

async function measureUser({ redis, library, refreshing, samples, userId }) {
  const { users, sessions } = library;
  const time = async (name, act) => {
    const [before, startedAt] = [await redis.command('evalsha'), performance.now()];
    const result = await act();
    const ms = performance.now() - startedAt;
    const after = await redis.command('evalsha');
    (samples[name] ??= []).push({ ms, us: after.us - before.us });
    return result;
  };
  await users.ensure(userId, { roles: ['user'] });
  await becomeLikeTemplate(redis, userId);
  const { token, session } = await time('login', () => sessions.create(userId, { device: DEVICE }));
  await time('check', () => sessions.authenticate(token));
  await time('list', () => sessions.list(userId));
  await time('revoke', () => sessions.revoke(userId, session.id));
  const { refreshToken } = await refreshing.sessions.create(userId, { device: DEVICE });
  await time('refresh', () => refreshing.sessions.refresh(refreshToken));
  await time('block', () => users.block(userId, { reason: 'bench' }));
  await users.erase(userId);
}

/** Gives a user a copy of the template's hash: its sessions, and its epoch, by which they are alive. */
async function becomeLikeTemplate({ client }, userId) {
  const [templateKey, key] = [await keyOf({ client }, TEMPLATE), await keyOf({ client }, userId)];
  await client.restore(key, 0, await client.dumpBuffer(templateKey), 'REPLACE');
  await client.hset(key, 'id', userId);
}

async function keyOf(redis, userId) {
  for (const key of await redis.client.keys('lk:*:user')) {
    if ((await redis.client.hget(key, 'id')) === userId) return key;
  }
  throw new Error(`There is no record of ${userId}`);
}

function summarise(samples) {
  return Object.fromEntries(
    Object.entries(samples).map(([name, list]) => [
      name,
      {
        ms: round(median(list.map(({ ms }) => ms)), 3),
        serverUs: round(median(list.map(({ us }) => us)), 1),
      },
    ]),
  );
}
