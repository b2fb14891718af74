import { type DynamicModule, Module } from '@nestjs/common';
import { SessionModule, type SessionModuleOptions } from '@latchkey/session';
import { AdminModule } from './admin/admin.module.js';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { APP_CONFIG, type AppConfig } from './config/app-config.js';
import { ConfigModule } from './config/config.module.js';
import { ConsoleModule } from './console/console.module.js';
import { HealthModule } from './health/health.module.js';
import { GracefulShutdown } from './http/graceful-shutdown.js';
import { accessTokenOptions } from './jwt/access-tokens.js';
import { JwtModule } from './jwt/jwt.module.js';
import { LiveModule } from './live/live.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { ModerationModule } from './moderation/moderation.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { OutboxModule } from './outbox/outbox.module.js';
import { PostsModule } from './posts/posts.module.js';
import { AppProblemFilter } from './problem/problem.filter.js';
import type { RedisClient } from './redis/open-redis.js';
import { REDIS_CLIENT, RedisModule } from './redis/redis.module.js';
import { RightsModule } from './rights/rights.module.js';
import { SessionsModule } from './sessions/sessions.module.js';

@Module({})
export class AppModule {
  /** @param sessionOptions for tests: options of the library that the environment does not set, such as a clock */
  static with(config: AppConfig, sessionOptions: SessionModuleOptions = {}): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(config),
        RedisModule,
        SessionModule.forRootAsync({
          inject: [APP_CONFIG, { token: REDIS_CLIENT, optional: true }],
          useFactory: async (settings: AppConfig, redis?: RedisClient): Promise<SessionModuleOptions> => ({
            guard: 'global',
            strict: true,
            sessionExpiresHeader: true,
            // Whether memory will do was settled with the configuration, and the banner says it.
            ...(redis ? { redis } : { allowMemoryInProduction: true }),
            // FORWARDED_HEADER says nothing where no proxy is trusted.
            ...(settings.trustProxy === undefined
              ? {}
              : { trustProxy: settings.trustProxy, forwardedHeader: settings.forwardedHeader }),
            ...(settings.publicOrigin === undefined ? {} : { publicOrigin: settings.publicOrigin }),
            allowedOrigins: settings.allowedOrigins,
            commandTimeoutMs: settings.redisTimeoutMs,
            ...(settings.redisReplicas === undefined
              ? {}
              : { replicas: settings.redisReplicas, durability: 'all-replicas' as const }),
            refresh: settings.refresh,
            ...(settings.dataKeys === undefined
              ? {}
              : { sessionData: { keys: settings.dataKeys, acceptPlain: settings.acceptPlainData } }),
            rateLimits: {
              posts: { quota: settings.postQuota, window: '1m', by: 'user' },
              requests: { quota: settings.sessionQuota, window: '1m', by: 'session' },
              registrations: { quota: Math.min(settings.loginQuota * 20, 1_000_000), window: '1h', by: 'ip' },
              // An export reads the audit log from its end to its beginning, and an erasure may read every account.
              'personal-data': { quota: 10, window: '1h', by: 'user' },
              // Whole offices share an address, and each of their clients refreshes every ten minutes.
              refreshes: { quota: settings.sessionQuota, window: '1m', by: 'ip' },
            },
            defaultRateLimits: ['requests'],
            ...(await accessTokenOptions(settings)),
            ...sessionOptions,
          }),
        }),
        OutboxModule.with(config),
        RightsModule,
        AuditModule,
        AuthModule,
        SessionsModule,
        PostsModule,
        LiveModule,
        ModerationModule,
        AdminModule,
        OperationsModule,
        HealthModule,
        MetricsModule.forRoot(),
        ConsoleModule,
        JwtModule,
      ],
      providers: [GracefulShutdown, AppProblemFilter],
    };
  }
}
