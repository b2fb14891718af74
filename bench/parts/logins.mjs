// What a login costs the app, and what the session that it makes weighs in Redis, for each kind of session.
import { CONFIGURATIONS } from '../apps/index.mjs';
import { userIds } from '../apps/users.mjs';
import { AppProcess } from '../measure/app-process.mjs';
import { Load, requestsFor } from '../measure/load.mjs';
import { RedisServer } from '../measure/redis-server.mjs';
import { round, spread } from '../measure/statistics.mjs';

const CONNECTIONS = 16;
const SERVED = 'fastify';

export async function measureLogins({ logins: most, loginRounds, only, log }) {
  const rows = [];
  for (const configuration of CONFIGURATIONS.filter(({ login, name }) => login && isChosen(only, name))) {
    const [platform] = configuration.platforms ?? [SERVED];
    const logins = Math.min(most, configuration.mostLogins ?? most);
    const redis = await RedisServer.start();
    const app = await AppProcess.start({ configuration, platform, redisUrl: redis.url, users: 4 });
    try {
      const ids = userIds(logins * (loginRounds + 1), 'login');
      await logIn(app, ids.splice(0, logins)); // which warms it up
      const [empty, samples] = [await redis.usedBytes(), []];
      for (let index = 0; index < loginRounds; index++) samples.push(await logIn(app, ids.splice(0, logins)));
      const bytes = (await redis.usedBytes()) - empty;
      rows.push({
        name: configuration.name,
        label: configuration.label,
        platform,
        cpuUs: spread(
          samples.map(({ cpuUs }) => cpuUs),
          0,
        ),
        perSecond: spread(
          samples.map(({ perSecond }) => perSecond),
          0,
        ),
        bytesPerSession: round(bytes / (logins * loginRounds)),
      });
    } finally {
      await app.stop();
      await redis.stop();
    }
  }
  log('logins: measured');
  return rows;
}

const isChosen = (only, name) => !only || Object.values(only).flat().includes(name);

async function logIn(app, ids) {
  const requests = ids.flatMap((id) =>
    requestsFor({ path: `/login?user=${id}`, port: app.port, credentials: [{}] }),
  );
  const [before, startedAt] = [await app.usage(), performance.now()];
  await new Load({
    target: { port: app.port, requests },
    connections: CONNECTIONS,
    limit: ids.length,
  }).finished();
  const after = await app.usage();
  return {
    cpuUs: (after.cpuUs - before.cpuUs) / ids.length,
    perSecond: (ids.length / (performance.now() - startedAt)) * 1_000,
  };
}
