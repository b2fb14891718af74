import {
  type AppConfig,
  ConfigurationError,
  OWASP_COST,
  type RedisLogin,
  type Storage,
} from './app-config.js';
import { readJwt } from './read-jwt.js';
import {
  readAddresses,
  readBinding,
  readDataKeys,
  readOrigin,
  readRedisUrl,
  readTrustedProxies,
} from './read-values.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 3000;
/** The library's own. */
const DEFAULT_REDIS_TIMEOUT_MS = 180;
const STORAGE_VARIABLES = ['REDIS_URL', 'REDIS_CLUSTER', 'REDIS_SENTINELS'] as const;

/**
 * The app's settings from the environment; an empty variable counts as unset.
 * @throws ConfigurationError naming the first variable that cannot work
 */
export function readConfig(environment: Environment): AppConfig {
  const valueOf = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const production = valueOf('NODE_ENV') === 'production';
  const allowMemory = readSwitch('ALLOW_MEMORY', valueOf('ALLOW_MEMORY'));
  const storage = readStorage(valueOf);
  if (storage.kind === 'memory' && production && !allowMemory) {
    throw new ConfigurationError(
      'REDIS_URL',
      'must be set in production: memory forgets everything at a restart (ALLOW_MEMORY=1 accepts that)',
    );
  }
  const dataKeys = valueOf('DATA_KEYS');
  const acceptPlainData = readSwitch('DATA_ACCEPT_PLAIN', valueOf('DATA_ACCEPT_PLAIN'));
  if (acceptPlainData && dataKeys === undefined)
    throw new ConfigurationError('DATA_ACCEPT_PLAIN', 'is of no use without DATA_KEYS');
  const proxies = valueOf('TRUST_PROXY');
  const origin = valueOf('PUBLIC_ORIGIN');
  const metricsToken = valueOf('METRICS_TOKEN');
  const jwt = readJwt(valueOf, production);
  return {
    host: readBinding('HOST', valueOf('HOST') ?? DEFAULT_HOST),
    port: readPort(valueOf('PORT')),
    storage,
    redisTimeoutMs: readTimeout(valueOf('REDIS_TIMEOUT_MS')),
    production,
    allowMemory,
    forwardedHeader: readHeaderName(valueOf('FORWARDED_HEADER')),
    passwordCost: OWASP_COST,
    loginQuota: readCount('LOGIN_QUOTA', valueOf('LOGIN_QUOTA'), 10),
    postQuota: readCount('POST_QUOTA', valueOf('POST_QUOTA'), 30),
    sessionQuota: readCount('SESSION_QUOTA', valueOf('SESSION_QUOTA'), 600),
    refresh: readOnOff('REFRESH', valueOf('REFRESH')),
    acceptPlainData,
    ...(dataKeys === undefined ? {} : { dataKeys: readDataKeys('DATA_KEYS', dataKeys) }),
    ...(proxies === undefined ? {} : { trustProxy: readTrustedProxies('TRUST_PROXY', proxies) }),
    ...(origin === undefined ? {} : { publicOrigin: readOrigin('PUBLIC_ORIGIN', origin) }),
    allowedOrigins: (valueOf('ALLOWED_ORIGINS')?.split(',') ?? []).map((one) =>
      readOrigin('ALLOWED_ORIGINS', one.trim()),
    ),
    ...(metricsToken === undefined ? {} : { metricsToken: readToken('METRICS_TOKEN', metricsToken) }),
    logFormat: readLogFormat(valueOf('LOG_FORMAT')),
    jwt,
  };
}

/** The variable that chose where data lives: for messages. */
export function storageVariable(storage: Storage): string {
  return { memory: 'REDIS_URL', redis: 'REDIS_URL', cluster: 'REDIS_CLUSTER', sentinel: 'REDIS_SENTINELS' }[
    storage.kind
  ];
}

function readStorage(valueOf: (name: string) => string | undefined): Storage {
  const set = STORAGE_VARIABLES.filter((name) => valueOf(name) !== undefined);
  if (set[1]) throw new ConfigurationError(set[1], `cannot be set together with ${set[0]}: choose one`);
  const url = valueOf('REDIS_URL');
  if (url !== undefined) return { kind: 'redis', url: readRedisUrl('REDIS_URL', url) };
  const nodes = valueOf('REDIS_CLUSTER');
  if (nodes !== undefined) {
    return { kind: 'cluster', nodes: readAddresses('REDIS_CLUSTER', nodes), login: readLogin(valueOf) };
  }
  const sentinels = valueOf('REDIS_SENTINELS');
  if (sentinels === undefined) return { kind: 'memory' };
  const name = valueOf('REDIS_SENTINEL_NAME');
  if (name === undefined) {
    throw new ConfigurationError(
      'REDIS_SENTINEL_NAME',
      'must name the primary that REDIS_SENTINELS watch over',
    );
  }
  return {
    kind: 'sentinel',
    sentinels: readAddresses('REDIS_SENTINELS', sentinels),
    name,
    login: readLogin(valueOf),
  };
}

function readLogin(valueOf: (name: string) => string | undefined): RedisLogin {
  const username = valueOf('REDIS_USERNAME');
  const password = valueOf('REDIS_PASSWORD');
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

function readPort(value: string | undefined): number {
  if (value === undefined) return DEFAULT_PORT;
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new ConfigurationError('PORT', 'must be a number from 0 to 65535');
  }
  return Number(value);
}

function readTimeout(value: string | undefined): number {
  if (value === undefined) return DEFAULT_REDIS_TIMEOUT_MS;
  const ms = /^\d{2,5}$/.test(value) ? Number(value) : 0;
  if (ms < 10 || ms > 10_000)
    throw new ConfigurationError('REDIS_TIMEOUT_MS', 'must be a number of milliseconds from 10 to 10000');
  return ms;
}

function readCount(name: string, value: string | undefined, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new ConfigurationError(name, 'must be a count from 1 to 999999');
  return Number(value);
}

function readToken(name: string, value: string): string {
  if (/^[\w.~+/=-]{16,512}$/.test(value)) return value;
  throw new ConfigurationError(name, 'must be 16 to 512 letters, digits and - . _ ~ + / =');
}

function readLogFormat(value: string | undefined): 'text' | 'json' {
  if (value === undefined || value === 'text') return 'text';
  if (value !== 'json') throw new ConfigurationError('LOG_FORMAT', 'must be text or json');
  return 'json';
}

function readHeaderName(value: string | undefined): string {
  if (value === undefined) return 'x-forwarded-for';
  if (!/^[a-z0-9-]{1,64}$/i.test(value)) {
    throw new ConfigurationError('FORWARDED_HEADER', "must be one header's name, such as x-forwarded-for");
  }
  return value.toLowerCase();
}

function readOnOff(name: string, value: string | undefined): boolean {
  if (value === undefined || value === 'off') return false;
  if (value !== 'on') throw new ConfigurationError(name, 'must be on or off');
  return true;
}

function readSwitch(name: string, value: string | undefined): boolean {
  if (value === undefined || value === '0') return false;
  if (value !== '1') throw new ConfigurationError(name, 'must be 1, or not set');
  return true;
}
