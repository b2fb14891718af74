import { type RedisClient, SERVER_RULES } from '../../redis/servers/boot-check.js';
import type { Redis } from 'ioredis';
import { bad, type Finding, ok, skipped } from './finding.js';

type Info = ReadonlyMap<string, string>;

const UNFIT = {
  version: {
    why: 'The scripts use commands of Redis 7.0: the boot stops',
    remedy: 'Upgrade Redis to 7.0 or newer',
  },
  eviction: {
    why: 'A Redis that evicts forgets sessions, and blocks with them: the boot stops',
    remedy: 'CONFIG SET maxmemory-policy noeviction, and write it into redis.conf',
  },
  role: {
    why: 'A replica takes no writes: the boot stops',
    remedy: 'Name its primary, the Sentinels or the Cluster in the option redis',
  },
} as const;

/** Version, eviction and role: what the boot check of the module stops at. */
export function fitness(info: Info): Finding[] {
  const shown = {
    version: `Redis ${info.get('redis_version')}`,
    eviction: 'evicts nothing (noeviction)',
    role: 'is a primary',
  };
  return (['version', 'role', 'eviction'] as const).map((check) => {
    const fault = SERVER_RULES[check](info);
    return fault === undefined
      ? ok(check, shown[check])
      : bad('fail', check, { what: fault, ...UNFIT[check] });
  });
}

/** Settings that only `CONFIG` tells; `undefined` where this user may not ask. */
export async function configOf(server: Redis): Promise<Info | undefined> {
  try {
    const pairs = await server.config('GET', 'appendfsync', 'save', 'min-replicas-to-write');
    return new Map(Array.from({ length: pairs.length / 2 }, (_, i) => [pairs[2 * i]!, pairs[2 * i + 1]!]));
  } catch {
    return undefined;
  }
}

/** What a restart keeps. */
export function persistence(info: Info, config: Info | undefined): Finding {
  const isFailing =
    info.get('aof_last_write_status') === 'err' || info.get('rdb_last_bgsave_status') === 'err';
  if (isFailing) {
    return bad('fail', 'persistence', {
      what: 'the last write to disk failed',
      why: 'Redis refuses scripts that may write (MISCONF): requests get 503',
      remedy: "Look into Redis's log: is the disk full, or the folder not writable?",
    });
  }
  if (info.get('aof_enabled') === '1') {
    const fsync = config?.get('appendfsync');
    const promise =
      fsync === 'always'
        ? 'a restart loses nothing that was acknowledged'
        : fsync === 'no'
          ? 'a crash of the machine loses what the system had not written yet'
          : 'a crash loses about the last second';
    const what = `AOF, appendfsync ${fsync ?? 'not told to this user'}: ${promise}`;
    return ok('persistence', what);
  }
  const save = config?.get('save');
  const hasSnapshots = save === undefined ? Number(info.get('rdb_saves') ?? 0) > 0 : save !== '';
  const why =
    'A restart loses sessions, and blocks and roles that only Redis has: blocked users get in again';
  const remedy =
    'CONFIG SET appendonly yes, and write it into redis.conf; keep blocks in your own database, too (userDirectory)';
  if (!hasSnapshots)
    return bad('warn', 'persistence', { what: 'none: a restart loses everything', why, remedy });
  return bad('warn', 'persistence', {
    what: 'RDB snapshots alone: a restart loses all since the last one',
    why,
    remedy,
    values: { lastSnapshotAt: Number(info.get('rdb_last_save_time') ?? 0) * 1_000 },
  });
}

/** What the loss of the primary loses. */
export function replication(info: Info, config: Info | undefined): Finding {
  const replicas = Number(info.get('connected_slaves') ?? 0);
  const wanted = Number(config?.get('min-replicas-to-write') ?? 0);
  const good = info.get('min_slaves_good_slaves'); // there only when some are demanded
  const values = { replicas, ...(config ? { minReplicasToWrite: wanted } : {}) };
  if (good !== undefined && Number(good) < Math.max(wanted, 1)) {
    return bad('fail', 'replicas', {
      what: `${good} of the ${config ? wanted : 'demanded'} replicas that min-replicas-to-write demands`,
      why: 'Redis refuses every write (NOREPLICAS): requests get 503',
      remedy: 'Bring the replicas back, or lower min-replicas-to-write',
      values,
    });
  }
  if (replicas === 0)
    return ok('replicas', 'none: what this server loses is lost (docs/redis.md, lost writes)', values);
  if (good !== undefined) return ok('replicas', `${good} in step, as min-replicas-to-write demands`, values);
  if (!config) return ok('replicas', `${replicas} (min-replicas-to-write is not told to this user)`, values);
  return bad('warn', 'replicas', {
    what: `${replicas}, but min-replicas-to-write is 0`,
    why: 'A primary that was cut off goes on acknowledging blocks, which the failover then loses',
    remedy: 'CONFIG SET min-replicas-to-write to the number of replicas, or 1; its price is in docs/redis.md',
    values,
  });
}

/** How far from full. */
export function room(info: Info): Finding {
  const [used, most] = [Number(info.get('used_memory') ?? 0), Number(info.get('maxmemory') ?? 0)];
  const values = { usedBytes: used, maxBytes: most };
  if (most === 0) return ok('memory', `${megabytes(used)} used, without a maxmemory`, values);
  const share = used / most;
  const what = `${megabytes(used)} of ${megabytes(most)} used (${Math.round(100 * share)} %)`;
  if (share < 0.8) return ok('memory', what, values);
  return bad(share < 0.95 ? 'warn' : 'fail', 'memory', {
    what,
    why: 'A full Redis refuses logins with 503; checks and blocks go on',
    remedy: 'Raise maxmemory, or end old sessions: SessionService.sweep(), shorter lifetimes',
    values,
  });
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`;
}

/** Of a Cluster, findings of each server say which. */
export async function eachServer(
  client: RedisClient,
  servers: readonly Redis[],
  look: (server: Redis) => Promise<readonly Finding[]>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const server of servers) {
    const { host, port } = server.options;
    const place = 'nodes' in client ? `${host}:${port} ` : '';
    findings.push(...(await look(server)).map((one) => ({ ...one, what: place + one.what })));
  }
  return servers.length === 0 ? [skipped('server', 'no server of the Cluster is known')] : findings;
}
