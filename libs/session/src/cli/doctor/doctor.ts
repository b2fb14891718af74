import { openClient, isClient } from '../../redis/servers/client-options.js';
import {
  infoOf,
  type RedisClient,
  serversOf,
  setupMistake,
  whenReady,
} from '../../redis/servers/boot-check.js';
import { withDeadline } from '../../basics/deadline.js';
import type { ModuleSettings, StorageSettings } from '../../options/settings.js';
import { openRedisRepository } from '../../storage/redis/session-repository.js';
import { bad, type DoctorReport, type Finding, isForbidden, ok, skipped, worstOf } from './finding.js';
import { foreignKeys, keysUnder, permissions, sessionSize } from './keys.js';
import { checkOfNobody, clock, latency, measure, PATIENCE_MS } from './measures.js';
import { configOf, eachServer, fitness, persistence, replication, room } from './server.js';

type OnRedis = Extract<StorageSettings, { kind: 'redis' }>;

/**
 * Looks at the Redis of these settings, from this machine, and changes nothing there. Takes some seconds at most, unless
 * Redis answers slowly.
 */
export async function examine(
  settings: ModuleSettings,
  storage: OnRedis,
  place: string,
): Promise<DoctorReport> {
  const isOwned = !isClient(storage.redis);
  const client = isClient(storage.redis) ? storage.redis : openClient(storage.redis, PATIENCE_MS);
  client.on('error', ignore);
  try {
    const findings = await findingsOf(client, settings, storage);
    return { redis: place, level: worstOf(findings), findings };
  } finally {
    client.off('error', ignore);
    if (isOwned) client.on('error', ignore).disconnect();
  }
}

async function findingsOf(
  client: RedisClient,
  settings: ModuleSettings,
  storage: OnRedis,
): Promise<Finding[]> {
  const failure = await whenReady(client, PATIENCE_MS);
  if (failure) {
    const mistake = setupMistake(failure)?.message;
    return [
      bad('fail', 'connection', {
        what: mistake ?? `Redis cannot be reached: ${failure.message}`,
        why: mistake ? 'The boot stops' : 'Requests get 503 until it can',
        remedy: mistake
          ? 'Correct the option redis, or the Redis user'
          : 'Look at host, port and firewall, and whether Redis runs and wants TLS (rediss://)',
      }),
    ];
  }
  const { keyPrefix, commandTimeoutMs: deadlineMs } = storage;
  const namespace = { keyPrefix, clientPrefix: clientPrefixOf(client) };
  const servers = serversOf(client);
  const findings: Finding[] = [ok('connection', 'Redis answers')];
  const look = async (check: string, find: () => Promise<readonly Finding[]>): Promise<void> => {
    try {
      findings.push(...(await withDeadline(find(), 4 * PATIENCE_MS)));
    } catch (error) {
      findings.push(failed(check, error));
    }
  };
  await look('server', () =>
    eachServer(client, servers, async (server) => {
      const [info, config] = [await infoOf(server), await configOf(server)];
      return [...fitness(info), persistence(info, config), replication(info, config), room(info)];
    }),
  );
  await look('permissions', async () => [await permissions(client, namespace)]);
  await look('clock', async () => [await clock(client)]);
  await look('latency', async () => [
    latency('latency', await measure(() => client.ping()), { of: 'PING', deadlineMs }),
  ]);
  await look('check', async () => [await checkLatency(findings, settings, storage)]);
  await look('keys', async () => {
    const found = await keysUnder(servers, namespace);
    return [foreignKeys(found, namespace), await sessionSize(client, found, namespace)];
  });
  return findings;
}

async function checkLatency(
  findings: readonly Finding[],
  settings: ModuleSettings,
  storage: OnRedis,
): Promise<Finding> {
  const faults = findings.filter(({ level }) => level === 'fail').map(({ check }) => check);
  if (faults.some((check) => check !== 'memory' && check !== 'latency' && check !== 'clock'))
    return skipped(
      'check',
      'not measured: requests would get 503, or the boot would stop, for the faults above',
    );
  const repository = await openRedisRepository(
    { ...storage, log: () => undefined, isOnlooker: true },
    settings,
  );
  try {
    const measured = await measure(checkOfNobody(repository));
    return latency('check', measured, { of: 'a check', deadlineMs: storage.commandTimeoutMs });
  } finally {
    await repository.close();
  }
}

function failed(check: string, error: unknown): Finding {
  const what = error instanceof Error ? error.message : String(error);
  return bad('fail', check, {
    what: `could not be looked at: ${what.split('\n', 1)[0]}`,
    why: !isForbidden(error)
      ? 'What Redis does not answer now, it may not answer to requests'
      : check === 'server'
        ? 'The boot stops where INFO is not permitted'
        : 'A command that is not permitted fails with 503 at the first request that needs it',
    remedy: isForbidden(error) ? 'Grant what docs/redis.md lists' : 'Run it again; see SLOWLOG GET',
  });
}

function clientPrefixOf(client: RedisClient): string {
  return ('nodes' in client ? client.options.redisOptions?.keyPrefix : client.options.keyPrefix) ?? '';
}

function ignore(): void {}
