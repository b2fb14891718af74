// Requests through whole Nest apps, side by side: every configuration once in each round, by turns.
import { CONFIGURATIONS } from '../apps/index.mjs';
import { AppProcess } from '../measure/app-process.mjs';
import { measureLoad } from '../measure/load.mjs';
import { DelayProxy } from '../measure/proxy.mjs';
import { RedisServer } from '../measure/redis-server.mjs';
import { assertCalls, countCommands } from '../measure/round-trips.mjs';
import { median, quantile, round, spread } from '../measure/statistics.mjs';

const CONNECTIONS = 64;
const BASELINE = 'none';
const PINGS = 200;

/** Those to be measured on a platform; the baseline always is. */
export function chosenConfigurations(platform, only) {
  return CONFIGURATIONS.filter(({ name, platforms }) => {
    const isChosen = !only || only.includes(name) || name === BASELINE;
    return isChosen && (!platforms || platforms.includes(platform));
  });
}

export async function measureHttp(options) {
  const rows = [];
  const pings = [];
  for (const platform of options.platforms) {
    const measured = await measurePlatform(platform, options);
    rows.push(...measured.rows);
    pings.push(...measured.pings);
  }
  return { rows, pings };
}

async function measurePlatform(platform, options) {
  const redis = await RedisServer.start();
  const proxy = await DelayProxy.start(redis.port);
  const apps = [];
  try {
    const scenarios = await startScenarios(platform, { redis, proxy, apps, options });
    for (const { app } of apps) {
      const reads = options.distant.includes(app.configuration.name);
      await warmUp(app, { reads, options });
      await checkCalls(app, { reads, redis });
    }
    options.log(`${platform}: warm, and the Redis calls of each are as many as expected`);
    const pings = [];
    for (let index = 1; index <= options.rounds; index++) {
      for (const scenario of scenarios) await measureOnce(scenario, { proxy, redis, pings, options });
      options.log(`${platform}: round ${index} of ${options.rounds}`);
    }
    return { rows: summarise(scenarios), pings: summarisePings(platform, pings) };
  } finally {
    await Promise.all(apps.map(({ app }) => app.stop()));
    await proxy.stop();
    await redis.stop();
  }
}

/** Every (app, distance, with or without a further read) that is measured in each round, in the order of the rounds. */
async function startScenarios(platform, { redis, proxy, apps, options }) {
  const chosen = chosenConfigurations(platform, options.only);
  const isDistant = ({ name }) => options.distant.includes(name);
  const start = async (configurations, { redisUrl, isFar }) => {
    const waiting = [...configurations];
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const app = await AppProcess.start({ configuration: next, platform, redisUrl, users: options.users });
        apps.push({ app, isFar });
      }
    };
    await Promise.all([worker(), worker()]);
    const inOrder = ({ app: one }, { app: other }) =>
      configurations.indexOf(one.configuration) - configurations.indexOf(other.configuration);
    return apps
      .filter((entry) => entry.isFar === isFar)
      .sort(inOrder)
      .map(({ app }) => app);
  };
  const near = await start(chosen, { redisUrl: redis.url, isFar: false });
  const far = options.distances.some((ms) => ms > 0)
    ? await start(chosen.filter(isDistant), { redisUrl: proxy.url, isFar: true })
    : [];
  options.log(`${platform}: ${apps.length} apps are up`);
  return options.distances.flatMap((redisMs) =>
    [false, true].flatMap((reads) => {
      const nearby = reads ? near.filter(({ configuration }) => isDistant(configuration)) : near;
      return (redisMs > 0 ? far : nearby).map((app) => ({ app, redisMs, reads, samples: [] }));
    }),
  );
}

async function warmUp(app, { reads, options }) {
  for (const path of ['/me', ...(reads ? ['/me/read'] : [])]) {
    await measureLoad({ apps: [app], path, connections: CONNECTIONS, rampMs: 0, windowMs: options.warmUpMs });
  }
}

async function checkCalls(app, { reads, redis }) {
  app.commands = await countCommands({ app, redis, path: '/me' });
  assertCalls(app.configuration, app.commands, 0);
  if (reads) assertCalls(app.configuration, await countCommands({ app, redis, path: '/me/read' }), 1);
}

async function measureOnce({ app, redisMs, reads, samples }, { proxy, redis, pings, options }) {
  if (redisMs > 0) await proxy.setDelay(redisMs);
  if (app.configuration.name === BASELINE && !reads) {
    pings.push({ redisMs, ...(await ping(redisMs > 0 ? proxy.port : redis.port, redis.client)) });
  }
  const path = reads ? '/me/read' : '/me';
  const { rampMs, windowMs } = options;
  const before = await redis.usage();
  const full = await measureLoad({ apps: [app], path, connections: CONNECTIONS, rampMs, windowMs });
  const after = await redis.usage();
  const light = await measureLoad({
    apps: [app],
    path,
    connections: 1,
    rampMs: 50,
    windowMs: options.lightMs,
  });
  samples.push({
    perSecond: full.perSecond,
    cpuUs: full.cpuUs,
    p50Ms: quantile(full.latencies, 0.5),
    p99Ms: quantile(full.latencies, 0.99),
    lightP50Ms: quantile(light.latencies, 0.5),
    lightP99Ms: quantile(light.latencies, 0.99),
    redisCpuUs: (after.cpuUs - before.cpuUs) / full.requests,
    bytesToRedis: (after.received - before.received) / full.requests,
    bytesFromRedis: (after.sent - before.sent) / full.requests,
    clientCpu: full.clientCpu,
  });
}

async function ping(port, client) {
  const pinger = client.duplicate({ port });
  try {
    const latencies = [];
    for (let index = 0; index < PINGS; index++) {
      const sentAt = performance.now();
      await pinger.ping();
      latencies.push(performance.now() - sentAt);
    }
    return { p50Ms: quantile(latencies, 0.5) };
  } finally {
    pinger.disconnect();
  }
}

function summarise(scenarios) {
  return scenarios.map(({ app, redisMs, reads, samples }) => {
    const baseline = scenarios.find(
      (other) =>
        other.app.configuration.name === BASELINE && other.redisMs === redisMs && other.reads === reads,
    );
    const all = (name) => samples.map((sample) => sample[name]);
    // Each round against the baseline of the same round: what slows the machine down for a while slows both.
    const fractions = samples.map(({ perSecond }, index) => perSecond / baseline.samples[index].perSecond);
    return {
      platform: app.platform,
      name: app.configuration.name,
      label: app.configuration.label,
      redisMs,
      reads,
      fraction: spread(fractions, 3),
      perSecond: spread(all('perSecond'), 0),
      cpuUs: spread(all('cpuUs'), 1),
      p50Ms: round(median(all('p50Ms')), 2),
      p99Ms: round(median(all('p99Ms')), 2),
      lightP50Ms: round(median(all('lightP50Ms')), 2),
      lightP99Ms: round(median(all('lightP99Ms')), 2),
      redisCalls: app.configuration.redisCalls + (reads ? 1 : 0),
      commands: app.commands,
      redisCpuUs: round(median(all('redisCpuUs')), 1),
      bytesToRedis: round(median(all('bytesToRedis')), 0),
      bytesFromRedis: round(median(all('bytesFromRedis')), 0),
      clientCpu: round(median(all('clientCpu')), 2),
    };
  });
}

function summarisePings(platform, pings) {
  const distances = [...new Set(pings.map(({ redisMs }) => redisMs))];
  return distances.map((redisMs) => {
    const p50s = pings.filter((ping) => ping.redisMs === redisMs).map(({ p50Ms }) => p50Ms);
    return { platform, redisMs, p50Ms: round(median(p50s), 2) };
  });
}
