import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import type { RedisOptions } from 'ioredis';
import { pathToFileURL } from 'node:url';
import { checkOptions } from '../options/checks/options-check.js';
import type { SessionModuleOptions } from '../options/options.js';
import type { ModuleSettings, StorageSettings } from '../options/settings.js';
import { isRecord } from '../rules/option-rules.js';
import { type Terminal, UsageError } from './terminal.js';

/** Which options an app has, and so a command. */
export interface Given {
  readonly config?: string;
  readonly redis?: string;
  readonly prefix?: string;
  readonly timeout?: string;
}

export interface CliSettings {
  readonly options: SessionModuleOptions;
  readonly settings: ModuleSettings;
  readonly storage: Extract<StorageSettings, { kind: 'redis' }>;
  /** Host, port and database; nothing secret. */
  readonly place: string;
}

/**
 * An app's audit log must not be trimmed by a command that does not know how long it is kept: the app's next entry trims
 * it again.
 */
const KEEP_EVERYTHING: SessionModuleOptions['audit'] = {
  retention: '3650d',
  maxActs: 10_000_000,
  maxRoutine: 10_000_000,
  maxDenials: 1_000_000,
};

/**
 * The options as an app has them: of the file, with what the command line says in their place; REDIS_URL where neither
 * names a Redis.
 * @param secrets is filled with what must not be printed
 * @throws UsageError, SessionConfigurationError
 */
export async function readSettings(
  given: Given,
  terminal: Terminal,
  secrets: Set<string>,
): Promise<CliSettings> {
  const file = given.config === undefined ? {} : await readFileOptions(given.config, terminal);
  const redis = given.redis ?? file.redis ?? (terminal.env['REDIS_URL'] || undefined);
  for (const secret of secretsOf(redis)) secrets.add(secret);
  if (redis === undefined) {
    throw new UsageError(
      "No Redis is named: set REDIS_URL, or give --redis, or a --config with the option redis. Sessions in memory are in their app's process, where no command reaches them",
    );
  }
  const { isGlobal: _isGlobal, ...ofFile } = file as SessionModuleOptions & { readonly isGlobal?: unknown };
  const options: SessionModuleOptions = {
    ...(given.config === undefined ? { audit: KEEP_EVERYTHING } : {}),
    ...ofFile,
    redis,
    ...(given.prefix === undefined ? {} : { keyPrefix: given.prefix }),
    ...(given.timeout === undefined ? {} : { commandTimeoutMs: Number(given.timeout) }),
  };
  const settings = checkOptions(options);
  const { storage } = settings;
  if (storage.kind !== 'redis') throw new UsageError('The option redis is missing');
  return { options, settings, storage, place: placeOf(redis) };
}

async function readFileOptions(file: string, { cwd, load }: Terminal): Promise<SessionModuleOptions> {
  const path = resolve(cwd, file);
  const options = extname(path) === '.json' ? await readJson(path, file) : await readModule(path, file, load);
  if (!isRecord(options)) {
    throw new UsageError(
      `${file} does not export the options: write export default { redis: … }, or a function that returns them`,
    );
  }
  return options;
}

async function readJson(path: string, file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    // What a parser says would quote the file.
    const problem = error instanceof SyntaxError ? 'is no JSON' : `cannot be read: ${codeOf(error)}`;
    throw new UsageError(`${file} ${problem}`);
  }
}

async function readModule(path: string, file: string, load: Terminal['load']): Promise<unknown> {
  let loaded: Record<string, unknown>;
  try {
    loaded = (await load(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`${file} cannot be loaded: ${codeOf(error)}`);
  }
  const exported = loaded['default'] ?? loaded['options'];
  return typeof exported === 'function' ? await (exported as () => unknown)() : exported;
}

function codeOf(error: unknown): string {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  return typeof code === 'string' ? code : String(message ?? error).split('\n', 1)[0]!;
}

type RedisOption = SessionModuleOptions['redis'];
/** What ioredis options and clients have, as far as it is looked at here. */
interface Credentials {
  readonly host?: unknown;
  readonly port?: unknown;
  readonly db?: unknown;
  readonly path?: unknown;
  readonly name?: unknown;
  readonly sentinels?: unknown;
  readonly password?: unknown;
  readonly sentinelPassword?: unknown;
  readonly redisOptions?: Credentials;
}

function* secretsOf(redis: RedisOption): Generator<string> {
  if (typeof redis === 'string' || redis instanceof URL) {
    // Whatever stands before the last @, also of a URL that cannot be read.
    const [, userInfo = ''] = /^\w+:\/\/(.*)@/.exec(String(redis)) ?? [];
    const password = userInfo.slice(userInfo.indexOf(':') + 1);
    const inQuery = [...String(redis).matchAll(/[?&]password=([^&]*)/gi)].map(([, value = '']) => value);
    for (const secret of [password, ...inQuery]) yield* [secret, decoded(secret)];
    return;
  }
  const { password, sentinelPassword, redisOptions } = credentialsOf(redis);
  for (const secret of [password, sentinelPassword, redisOptions?.password])
    if (typeof secret === 'string') yield secret;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function credentialsOf(redis: Exclude<RedisOption, string | URL>): Credentials {
  if (!isRecord(redis)) return {};
  const { options } = redis as { readonly options?: unknown };
  return isRecord(options) ? options : (redis as RedisOptions);
}

function placeOf(redis: NonNullable<RedisOption>): string {
  if (typeof redis === 'string' || redis instanceof URL) {
    const { host, pathname } = new URL(String(redis));
    return host + (pathname.length > 1 ? pathname : '');
  }
  const { host = '127.0.0.1', port = 6379, db, path, name, sentinels, redisOptions } = credentialsOf(redis);
  if (redisOptions || 'nodes' in redis || 'cluster' in redis) return 'a Cluster';
  if (Array.isArray(sentinels)) return `${typeof name === 'string' ? name : 'a primary'}, behind Sentinels`;
  if (typeof path === 'string') return path;
  return `${String(host)}:${String(port)}${typeof db === 'number' && db > 0 ? `/${db}` : ''}`;
}
