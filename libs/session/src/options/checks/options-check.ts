import { systemClock } from '../../basics/clock.js';
import type { Duration } from '../../basics/duration.js';
import { checkAudit } from './audit.js';
import { checkGuests } from './guests.js';
import { checkAccessToken } from './jwt.js';
import { checkLifetimes, milliseconds } from './lifetimes.js';
import {
  fail,
  flag,
  integer,
  isRecord,
  mustBe,
  noOthers,
  oneOf,
  shown,
  validName,
} from '../../rules/option-rules.js';
import { checkNearCache } from './near-cache.js';
import { checkSessionData } from './session-data.js';
import { checkRedis } from './redis.js';
import { checkRefresh } from './refresh.js';
import { checkRateLimits } from './rate-limits.js';
import type { Realm } from '../../telemetry/realm.js';
import type { SessionModuleOptions } from '../options.js';
import { checkContexts } from './contexts.js';
import { checkIpPolicy, checkTransport } from './network.js';
import type { ModuleSettings, StorageSettings } from '../settings.js';

const REMEMBER_ENDED_MS = 24 * 3_600_000;
const MAX_ENDED_SESSIONS = 50;
const DEFAULT_MAX_STATE_AGE: Duration = '5m';
const DEFAULT_DIRECTORY_TIMEOUT: Duration = '2s';

/** Every option there is. A `Record`, so that the compiler finds the one that is missing. */
export const OPTION_NAMES: Readonly<Record<keyof SessionModuleOptions, true>> = {
  redis: true,
  keyPrefix: true,
  commandTimeoutMs: true,
  replicas: true,
  durability: true,
  nearCache: true,
  allowMemoryInProduction: true,
  clock: true,
  guard: true,
  strict: true,
  transports: true,
  contexts: true,
  cookie: true,
  publicOrigin: true,
  allowedOrigins: true,
  trustProxy: true,
  forwardedHeader: true,
  lifetime: true,
  rememberMeLifetime: true,
  roleLifetimes: true,
  touchInterval: true,
  sessionExpiresHeader: true,
  maxSessionsPerUser: true,
  onSessionLimit: true,
  guests: true,
  refresh: true,
  sessionData: true,
  accessToken: true,
  jwt: true,
  rateLimits: true,
  defaultRateLimits: true,
  failedTokens: true,
  ipPolicy: true,
  live: true,
  permissions: true,
  userDirectory: true,
  userDirectoryTimeout: true,
  maxStateAge: true,
  audit: true,
};

/**
 * The options checked, each with its default filled in.
 * @throws SessionConfigurationError naming the first option that cannot work
 */
export function checkOptions(
  options: SessionModuleOptions,
  environment = process.env['NODE_ENV'],
): ModuleSettings {
  if (!isRecord(options)) fail('options', 'must be an object: does the factory return one?');
  noOthers(options, Object.keys(OPTION_NAMES));
  const realm: Realm = Object.freeze({ name: checkKeyPrefix(options.keyPrefix) });
  return {
    realm,
    ...checkLifetimes(options),
    maxSessionsPerUser: integer('maxSessionsPerUser', options.maxSessionsPerUser ?? 100, {
      least: 1,
      most: 10_000,
    }),
    onSessionLimit: oneOf('onSessionLimit', options.onSessionLimit ?? 'evict-oldest', [
      'evict-oldest',
      'reject',
    ]),
    ...checkGuests(options.guests),
    sessionData: checkSessionData(options.sessionData ?? {}),
    rememberEndedMs: REMEMBER_ENDED_MS,
    maxEndedSessions: MAX_ENDED_SESSIONS,
    refresh: checkRefresh(options.refresh),
    accessToken: checkAccessToken(options),
    ...checkRateLimits(options),
    ipPolicy: checkIpPolicy(options.ipPolicy),
    live: checkLive(options.live ?? {}),
    permissions: checkPermissions(options.permissions ?? {}),
    ...checkUserDirectory(options),
    guardGlobally: options.guard !== undefined && oneOf('guard', options.guard, ['global']) === 'global',
    strict: flag('strict', options.strict),
    storage: checkStorage(options, { environment, realm }),
    ...checkDurability(options),
    transport: checkTransport(options),
    contexts: checkContexts(options.contexts ?? []),
    audit: checkAudit(options.audit ?? {}),
  };
}

function checkKeyPrefix(keyPrefix: unknown = 'lk'): string {
  if (typeof keyPrefix !== 'string' || !/^[A-Za-z0-9:._-]{1,64}$/.test(keyPrefix)) {
    fail(
      'keyPrefix',
      `must be 1–64 letters, digits and : . _ -, not ${shown(keyPrefix)} (braces would move keys to another slot)`,
    );
  }
  return keyPrefix;
}

function checkStorage(
  options: SessionModuleOptions,
  { environment, realm }: { readonly environment: string | undefined; readonly realm: Realm },
): StorageSettings {
  const { redis, clock, allowMemoryInProduction } = options;
  checkNearCache(options.nearCache);
  const commandTimeoutMs = integer('commandTimeoutMs', options.commandTimeoutMs ?? 180, {
    least: 10,
    most: 10_000,
  });
  if (allowMemoryInProduction !== undefined && typeof allowMemoryInProduction !== 'boolean') {
    mustBe('allowMemoryInProduction', 'true or false', allowMemoryInProduction);
  }
  if (redis !== undefined) {
    if (clock !== undefined) fail('clock', 'has no effect with redis, which has its own: leave it out');
    const place = { redis: checkRedis(redis), keyPrefix: realm.name };
    return { kind: 'redis', ...place, commandTimeoutMs, realm, ...checkNearCache(options.nearCache) };
  }
  const isRedisMissing = 'redis' in options;
  if (environment === 'production' && isRedisMissing) {
    fail(
      'redis',
      'is undefined and NODE_ENV is production: is a setting missing? For sessions in memory, leave it out and set ' +
        'allowMemoryInProduction: true',
    );
  }
  if (environment === 'production' && !allowMemoryInProduction) {
    fail(
      'redis',
      'is not set and NODE_ENV is production: give it a URL, or set allowMemoryInProduction: true for sessions in memory',
    );
  }
  if (clock !== undefined && typeof (clock as Partial<typeof clock> | null)?.now !== 'function') {
    mustBe('clock', 'an object with a method now()', clock);
  }
  return {
    kind: 'memory',
    clock: clock ?? systemClock,
    isIntended: allowMemoryInProduction === true && !isRedisMissing,
    ...(isRedisMissing ? { isRedisMissing } : {}),
  };
}

function checkDurability(options: SessionModuleOptions): Pick<ModuleSettings, 'durability' | 'replicas'> {
  const durability = oneOf('durability', options.durability ?? 'memory', ['memory', 'all-replicas']);
  if (options.replicas === undefined) {
    if (durability === 'memory') return { durability };
    fail('durability', "is 'all-replicas': say with replicas how many each Redis primary has");
  }
  if (options.redis === undefined) fail('replicas', 'has no effect without redis: leave it out');
  return { durability, replicas: integer('replicas', options.replicas, { least: 1, most: 16 }) };
}

function checkLive(live: NonNullable<SessionModuleOptions['live']>): ModuleSettings['live'] {
  if (!isRecord(live)) mustBe('live', 'an object', live);
  noOthers(live, ['maxConnectionsPerSession', 'maxConnectionsPerUser'], 'live.');
  const { maxConnectionsPerSession = 16, maxConnectionsPerUser = 64 } = live;
  return {
    maxConnectionsPerSession: integer('live.maxConnectionsPerSession', maxConnectionsPerSession, {
      least: 1,
      most: 1_000,
    }),
    maxConnectionsPerUser: integer('live.maxConnectionsPerUser', maxConnectionsPerUser, {
      least: 1,
      most: 10_000,
    }),
  };
}

function checkPermissions(permissions: NonNullable<SessionModuleOptions['permissions']>) {
  if (!isRecord(permissions))
    mustBe('permissions', "an object such as { moderator: ['post:delete'] }", permissions);
  return Object.fromEntries(
    Object.entries(permissions).map(([role, granted]) => {
      if (!Array.isArray(granted)) mustBe(`permissions.${role}`, 'a list of names', granted);
      return [
        validName('permissions', role),
        granted.map((permission) => validName(`permissions.${role}`, permission)),
      ];
    }),
  );
}

function checkUserDirectory({ userDirectory, userDirectoryTimeout, maxStateAge }: SessionModuleOptions) {
  const userDirectoryTimeoutMs = milliseconds(
    'userDirectoryTimeout',
    userDirectoryTimeout ?? DEFAULT_DIRECTORY_TIMEOUT,
  );
  if (userDirectory === undefined) {
    if (userDirectoryTimeout !== undefined)
      fail('userDirectoryTimeout', 'has no effect without userDirectory: set that, or leave it out');
    if (maxStateAge !== undefined)
      fail('maxStateAge', 'has no effect without userDirectory: set that, or leave it out');
    return { userDirectoryTimeoutMs };
  }
  if (typeof (userDirectory as Partial<typeof userDirectory> | null)?.load !== 'function') {
    mustBe('userDirectory', 'an object with a method load(userId)', userDirectory);
  }
  return {
    userDirectory,
    userDirectoryTimeoutMs,
    maxStateAgeMs: milliseconds('maxStateAge', maxStateAge ?? DEFAULT_MAX_STATE_AGE) || Infinity,
  };
}
