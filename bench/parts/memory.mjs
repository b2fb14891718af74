// What sessions weigh in Redis, made by the library itself: two devices per user, each with its name and user agent.
import { randomUUID } from 'node:crypto';
import { DEVICE } from '../apps/users.mjs';
import { libraryOn } from '../measure/library-on.mjs';
import { RedisServer } from '../measure/redis-server.mjs';
import { round } from '../measure/statistics.mjs';

const DEVICES_PER_USER = 2;
const AT_ONCE = 200;
/** One comes from an IPv4 address, the other from an IPv6 one of full length. */
const PHONE = {
  name: 'Phone',
  userAgent: 'Safari 19 on iPhone',
  ip: '2001:db8:85a3:1234:5678:9abc:def0:1234',
};
const DEVICES = [DEVICE, PHONE];

export async function measureMemory({ sessionCounts, log }) {
  const redis = await RedisServer.start();
  const library = await libraryOn(redis);
  try {
    const empty = await redis.usedBytes();
    const rows = [];
    let users = 0;
    for (const sessions of sessionCounts) {
      const goal = sessions / DEVICES_PER_USER;
      const worker = async () => {
        while (users < goal) {
          users++;
          await logInOnAllDevices(library, randomUUID());
        }
      };
      const startedAt = performance.now();
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      const bytes = (await redis.usedBytes()) - empty;
      rows.push({ sessions, users, bytesPerSession: round(bytes / sessions, 1), ...(await share(redis)) });
      log(`memory: ${sessions} sessions after ${round((performance.now() - startedAt) / 1000)} s more`);
    }
    return rows;
  } finally {
    await library.close();
    await redis.stop();
  }
}

async function logInOnAllDevices({ users, sessions }, userId) {
  await users.ensure(userId, { roles: ['user'] });
  for (const device of DEVICES) await sessions.create(userId, { device });
}

/** How much of it the users' hashes are, with their sessions, from a sample of users. */
async function share({ client }) {
  const SAMPLE = 200;
  let total = 0;
  for (let index = 0; index < SAMPLE; index++) {
    let key = await client.randomkey();
    while (!key.endsWith(':user')) key = await client.randomkey();
    total += await client.memory('USAGE', key);
  }
  return { ofWhichHashes: round(total / SAMPLE / DEVICES_PER_USER, 1) };
}
