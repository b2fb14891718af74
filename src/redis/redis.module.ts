import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { type RedisClient, openRedis } from './open-redis.js';
import { RedisStore } from './redis-store.js';

/** Injection key of the app's one Redis client; `undefined` when everything is in memory. */
export const REDIS_CLIENT = Symbol('app:redis-client');
/** Injection key of the `RedisStore`; `undefined` when everything is in memory. */
export const REDIS_STORE = Symbol('app:redis-store');

/** How long a farewell may take from a Redis that does not answer. */
const QUIT_PATIENCE_MS = 500;

/** Opens the app's Redis client, and closes it after the last request has been answered. */
@Global()
@Module({
  providers: [
    {
      provide: REDIS_CLIENT,
      inject: [APP_CONFIG],
      useFactory: ({ storage, redisTimeoutMs }: AppConfig) =>
        storage.kind === 'memory' ? undefined : openRedis(storage, redisTimeoutMs),
    },
    {
      provide: REDIS_STORE,
      inject: [APP_CONFIG, { token: REDIS_CLIENT, optional: true }],
      useFactory: ({ redisTimeoutMs }: AppConfig, client?: RedisClient) =>
        client && new RedisStore(client, redisTimeoutMs),
    },
  ],
  exports: [REDIS_CLIENT, REDIS_STORE],
})
export class RedisModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS_CLIENT) private readonly client: RedisClient | undefined) {}

  /** Nest calls this once the HTTP server is closed. */
  async onApplicationShutdown(): Promise<void> {
    const { client } = this;
    if (!client) return;
    if (client.status === 'ready') {
      const patience = new Promise((resolve) => setTimeout(resolve, QUIT_PATIENCE_MS).unref());
      await Promise.race([client.quit().catch(() => undefined), patience]);
    }
    client.disconnect();
  }
}
