// How throughput grows with the number of app processes, on one Redis.
import { findConfiguration } from '../apps/index.mjs';
import { AppProcess } from '../measure/app-process.mjs';
import { measureLoad } from '../measure/load.mjs';
import { RedisServer } from '../measure/redis-server.mjs';
import { spread } from '../measure/statistics.mjs';

const CONNECTIONS = 64;

export async function measureProcesses(options) {
  const redis = await RedisServer.start();
  const rows = [];
  try {
    for (const platform of options.platforms) {
      for (const count of options.processCounts)
        rows.push(...(await measureCount({ platform, count, redis, options })));
    }
    options.log('processes: measured');
    return rows;
  } finally {
    await redis.stop();
  }
}

async function measureCount({ platform, count, redis, options }) {
  const { rampMs, windowMs, warmUpMs, users } = options;
  const subjects = options.processSubjects.map((name) => ({ name, apps: [], samples: [] }));
  try {
    for (const { name, apps } of subjects) {
      const configuration = findConfiguration(name);
      for (let index = 0; index < count; index++) {
        apps.push(await AppProcess.start({ configuration, platform, redisUrl: redis.url, users }));
      }
      await measureLoad({
        apps,
        path: '/me',
        connections: CONNECTIONS,
        rampMs: 0,
        windowMs: warmUpMs * count,
      });
    }
    for (let index = 0; index < options.rounds; index++) {
      for (const { apps, samples } of subjects) {
        const measured = await measureLoad({ apps, path: '/me', connections: CONNECTIONS, rampMs, windowMs });
        samples.push(measured.perSecond);
      }
    }
    return subjects.map(({ name, samples }) => ({
      platform,
      name,
      processes: count,
      perSecond: spread(samples, 0),
    }));
  } finally {
    await Promise.all(subjects.flatMap(({ apps }) => apps.map((app) => app.stop())));
  }
}
