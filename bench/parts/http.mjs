// Requests through whole Nest apps, in pairs: each configuration by turns with the same app without auth, A B A B, in
// processes that are started anew for each block of rounds. Both are equally warm that way, what slows the machine down
// slows both, and no process's luck with its compiler decides.
import { CONFIGURATIONS, findConfiguration } from '../apps/index.mjs';
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
function chosenConfigurations(platform, only) {
  return CONFIGURATIONS.filter(({ name, platforms }) => {
    const names = Array.isArray(only) ? only : only?.[platform];
    const isChosen = !names || names.includes(name) || name === BASELINE;
    return isChosen && (!platforms || platforms.includes(platform));
  });
}

/** Where Redis is, and whether the handler reads from it once more. */
const NEAR = { redisMs: 0, reads: false };

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
  const place = { platform, redis, proxy, options, pings: [], series: new Map() };
  const others = chosenConfigurations(platform, options.only).filter(({ name }) => name !== BASELINE);
  try {
    for (let block = 1; block <= options.blocks; block++) {
      await measureBlock(others, place);
      options.log(`${platform}: block ${block} of ${options.blocks}`);
    }
    const rows = [findConfiguration(BASELINE), ...others].flatMap((configuration) =>
      summarise(configuration, place),
    );
    return { rows, pings: summarisePings(place) };
  } finally {
    await proxy.stop();
    await redis.stop();
  }
}

/** Some rounds of every configuration beside the baseline, each in a new process. */
async function measureBlock(others, place) {
  for (const configuration of others) {
    const base = new Subject(findConfiguration(BASELINE), place);
    const subject = new Subject(configuration, place);
    try {
      for (const scenario of scenariosOf(configuration, place.options)) {
        await measurePairs(base, subject, scenario);
      }
    } finally {
      await Promise.all([base.stop(), subject.stop()]);
    }
  }
}

async function measurePairs(base, subject, scenario) {
  const { options } = subject.place;
  await Promise.all([base.start(scenario), subject.start(scenario)]);
  await base.ready(scenario);
  await subject.ready(scenario);
  for (let round = 0; round < options.rounds / options.blocks; round++) {
    const before = await base.measure(scenario);
    base.keep(scenario, before, before);
    subject.keep(scenario, await subject.measure(scenario), before);
  }
}

function scenariosOf(configuration, { distant, distances }) {
  if (!distant.includes(configuration.name)) return [NEAR];
  return distances.flatMap((redisMs) =>
    [false, true].map((reads) => (redisMs === 0 && !reads ? NEAR : { redisMs, reads })),
  );
}

/** One configuration and its processes: one for Redis nearby, and one for Redis behind the proxy. */
class Subject {
  #apps = new Map();
  #warm = new Set();

  constructor(configuration, place) {
    Object.assign(this, { configuration, place });
    const { series } = place;
    if (!series.has(configuration.name)) series.set(configuration.name, { pairs: [], commands: {} });
    this.series = series.get(configuration.name);
  }

  /** Starts the app that the scenario needs. */
  async start({ redisMs }) {
    const { configuration, place } = this;
    const { platform, redis, proxy, options } = place;
    const isFar = redisMs > 0;
    if (this.#apps.has(isFar)) return;
    const redisUrl = isFar ? proxy.url : redis.url;
    const app = await AppProcess.start({ configuration, platform, redisUrl, users: options.users });
    this.#apps.set(isFar, app);
  }

  /** Warms it up, and counts the Redis calls of a request. */
  async ready(scenario) {
    const { configuration, place } = this;
    const { redis, proxy, options } = place;
    const isFar = scenario.redisMs > 0;
    const path = pathOf(scenario);
    if (this.#warm.has(`${isFar} ${path}`)) return;
    this.#warm.add(`${isFar} ${path}`);
    const app = this.#apps.get(isFar);
    await proxy.setDelay(0);
    await measureLoad({ apps: [app], path, connections: CONNECTIONS, rampMs: 0, windowMs: options.warmUpMs });
    const commands = await countCommands({ app, redis, path });
    assertCalls(configuration, commands, scenario.reads ? 1 : 0);
    if (!scenario.reads) this.series.commands = commands;
  }

  keep(scenario, own, base) {
    this.series.pairs.push({ scenario, own, base });
  }

  async measure(scenario) {
    const { redis, proxy, pings, options } = this.place;
    const { redisMs, reads } = scenario;
    const app = this.#apps.get(redisMs > 0);
    if (redisMs > 0) await proxy.setDelay(redisMs);
    if (this.configuration.name === BASELINE && !reads) {
      pings.push({ redisMs, ...(await ping(redisMs > 0 ? proxy.port : redis.port, redis.client)) });
    }
    const { rampMs, lightMs } = options;
    const windowMs = scenario === NEAR ? options.windowMs : options.windowMs / 2;
    const load = { apps: [app], path: pathOf(scenario) };
    const before = await redis.usage();
    const full = await measureLoad({ ...load, connections: CONNECTIONS, rampMs, windowMs });
    const after = await redis.usage();
    const light = await measureLoad({ ...load, connections: 1, rampMs: 50, windowMs: lightMs });
    return {
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
    };
  }

  async stop() {
    await Promise.all([...this.#apps.values()].map((app) => app.stop()));
  }
}

const pathOf = ({ reads }) => (reads ? '/me/read' : '/me');

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

function summarise(configuration, { platform, series }) {
  const { pairs, commands } = series.get(configuration.name) ?? { pairs: [] };
  const scenarios = [...new Map(pairs.map(({ scenario }) => [JSON.stringify(scenario), scenario])).values()];
  return scenarios.map(({ redisMs, reads }) => {
    const mine = pairs.filter(({ scenario }) => scenario.redisMs === redisMs && scenario.reads === reads);
    const all = (name) => mine.map(({ own }) => own[name]);
    return {
      platform,
      name: configuration.name,
      label: configuration.label,
      redisMs,
      reads,
      // Each window against the one of no auth just before it.
      fraction: spread(
        mine.map(({ own, base }) => own.perSecond / base.perSecond),
        3,
      ),
      perSecond: spread(all('perSecond'), 0),
      cpuUs: spread(all('cpuUs'), 1),
      guardUs: spread(
        mine.map(({ own, base }) => own.cpuUs - base.cpuUs),
        1,
      ),
      p50Ms: round(median(all('p50Ms')), 2),
      p99Ms: round(median(all('p99Ms')), 2),
      lightP50Ms: round(median(all('lightP50Ms')), 2),
      lightP99Ms: round(median(all('lightP99Ms')), 2),
      redisCalls: configuration.redisCalls + (reads ? 1 : 0),
      commands,
      redisCpuUs: round(median(all('redisCpuUs')), 1),
      bytesToRedis: round(median(all('bytesToRedis')), 0),
      bytesFromRedis: round(median(all('bytesFromRedis')), 0),
      clientCpu: round(median(all('clientCpu')), 2),
      windows: mine.length,
    };
  });
}

function summarisePings({ platform, pings }) {
  const distances = [...new Set(pings.map(({ redisMs }) => redisMs))];
  return distances.map((redisMs) => {
    const p50s = pings.filter((ping) => ping.redisMs === redisMs).map(({ p50Ms }) => p50Ms);
    return { platform, redisMs, p50Ms: round(median(p50s), 2) };
  });
}
