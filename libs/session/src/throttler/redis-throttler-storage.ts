import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { type ThrottlerStorage, ThrottlerStorageService } from '@nestjs/throttler';
import { withDeadline } from '../basics/deadline.js';
import { SessionError } from '../model/session-error.js';
import type { RateLimiter } from '../services/rate-limiter/rate-limiter.service.js';
import { RedisConnection, type RedisConnectionOptions } from '../redis/calls/connection.js';
import { RedisKeys } from '../redis/records/keys.js';
import { ThrottleScripts } from '../redis/scripts/throttle.js';
import { fail, isRecord, noOthers } from '../rules/option-rules.js';
import { checkOptions } from '../options/checks/options-check.js';
import type { SessionModuleOptions } from '../options/options.js';
import { ThrottlerHits } from './throttler-hits.js';

/**
 * Options of `RedisThrottlerStorage`: `redis` (required), `keyPrefix` and `commandTimeoutMs` of `SessionModuleOptions`.
 * @publicApi
 */
export interface RedisThrottlerStorageOptions
  extends
    Required<Pick<SessionModuleOptions, 'redis'>>,
    Pick<SessionModuleOptions, 'keyPrefix' | 'commandTimeoutMs'> {}

/**
 * Makes `@nestjs/throttler` count over all nodes of an app, which stays as it is:
 * `ThrottlerModule.forRoot({ throttlers, storage: new RedisThrottlerStorage({ redis }) })`; or by the connection of a
 * `SessionModule` beside it, see `beside`.
 *
 * Windows slide: in no span of `ttl` are there more than `limit` hits, however they come. The first hit over the limit
 * blocks for `blockDuration` (default `ttl`, as the guard has it), and for longer if there is no room by then; hits
 * while blocked neither count nor prolong it. `Retry-After` is that time, so whoever waits for it gets in. One script
 * on one key for each throttler of a request; the guard asks them one after the other.
 *
 * When Redis cannot answer in time, requests are refused with 503.
 * @example
 * ```ts
 * const throttler = ThrottlerModule.forRoot({
 *   throttlers: [{ ttl: 60_000, limit: 100 }],
 *   storage: new RedisThrottlerStorage({ redis: 'redis://127.0.0.1:6379' }),
 * });
 * ```
 * @publicApi
 */
export class RedisThrottlerStorage extends ThrottlerHits implements OnModuleInit, OnApplicationShutdown {
  private readonly connectionOptions: RedisConnectionOptions;
  private readonly keys: RedisKeys;
  private opening: Promise<RedisConnection> | undefined;
  private opened: ThrottleScripts | undefined;

  /** @throws SessionConfigurationError naming an option that cannot work */
  constructor(options: RedisThrottlerStorageOptions) {
    super();
    if (!isRecord(options))
      fail('RedisThrottlerStorage', "needs an object such as { redis: 'redis://127.0.0.1:6379' }");
    noOthers(options, ['redis', 'keyPrefix', 'commandTimeoutMs'], 'RedisThrottlerStorage.');
    if (options.redis === undefined)
      fail('redis', 'is missing: give RedisThrottlerStorage a redis:// URL, ioredis options or a client');
    const { storage } = checkOptions(options);
    if (storage.kind !== 'redis') throw new TypeError('A redis option makes a Redis');
    const logger = new Logger(RedisThrottlerStorage.name);
    this.connectionOptions = { ...storage, log: (line) => logger.warn(line) };
    this.keys = new RedisKeys(storage.keyPrefix);
  }

  /**
   * The storage that goes with an app's sessions: in the same Redis, by the same connection and key prefix; in this
   * process's memory where the sessions are. For `ThrottlerModule.forRootAsync({ inject: [RateLimiter], useFactory:
   * (limiter) => ({ …, storage: RedisThrottlerStorage.beside(limiter) }) })`.
   */
  static beside(limiter: RateLimiter): ThrottlerStorage {
    const { throttle } = limiter;
    return throttle ? new SharedThrottlerStorage(throttle) : new ThrottlerStorageService();
  }

  /**
   * Connects, and checks what is behind it, as the `SessionModule` does.
   * @throws SessionConfigurationError for what waiting cannot mend: a wrong password, an evicting or too old Redis
   */
  async onModuleInit(): Promise<void> {
    await this.open();
  }

  /** The last of Nest's hooks: the server has let its requests finish by then. */
  async onApplicationShutdown(): Promise<void> {
    await (await this.opening)?.close();
  }

  /** @internal */
  protected override scripts(): ThrottleScripts | Promise<ThrottleScripts> {
    return this.opened ?? this.firstScripts();
  }

  /** Where there is no Nest that would have opened it. */
  private async firstScripts(): Promise<ThrottleScripts> {
    try {
      return await withDeadline(this.open(), this.connectionOptions.commandTimeoutMs);
    } catch (error) {
      throw new SessionError('session_store_unavailable', { cause: error });
    }
  }

  private async open(): Promise<ThrottleScripts> {
    this.opening ??= RedisConnection.open(this.connectionOptions);
    this.opened ??= new ThrottleScripts(await this.opening, this.keys);
    return this.opened;
  }
}

class SharedThrottlerStorage extends ThrottlerHits {
  constructor(private readonly shared: ThrottleScripts) {
    super();
  }

  protected override scripts(): ThrottleScripts {
    return this.shared;
  }
}
