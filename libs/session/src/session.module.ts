import { Inject, Logger, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AuditLog } from './services/audit/audit-log.js';
import { AccessCheck } from './manifest/access-check.js';
import { CorsCheck } from './manifest/cors-check.js';
import { AccessReader } from './guard/access-reader.js';
import { Calls } from './guard/calls/calls.js';
import { FailedTokens } from './guard/failed-tokens.js';
import { MessageProblems } from './guard/message-problems.js';
import { PolicyManifest } from './manifest/policy-manifest.js';
import { HandlerFinder } from './handlers/handler-finder.js';
import { ProblemFilter } from './guard/problem.filter.js';
import { Realms } from './guard/realms.js';
import { RequestQuotas } from './guard/request-quotas.js';
import { SessionTransport } from './guard/session-transport.js';
import { NO_GUARD, SessionGuard } from './guard/session.guard.js';
import { EventStreams } from './live/event-streams.js';
import { RpcReplies } from './live/replies/rpc-replies.js';
import { SseSessions } from './live/sse-sessions.js';
import { LiveConnections } from './live/live-connections.js';
import { type Clock, systemClock } from './basics/clock.js';
import type { AuditRepository } from './storage/contract/audit-repository.js';
import { openStorage, type Storage } from './storage/open-storage.js';
import type { SessionRepository } from './storage/contract/session-repository.js';
import { OneTimeTokens } from './services/one-time-tokens/one-time-tokens.service.js';
import { SessionEvents } from './services/events/session-events.service.js';
import {
  ACCESS_TOKENS,
  AUDIT_REPOSITORY,
  GLOBAL_GUARD,
  ONE_TIME_TOKEN_REPOSITORY,
  SESSION_REPOSITORY,
  SESSION_SETTINGS,
  STORAGE,
  TOKEN_CLOCK,
} from './options/injection-keys.js';
import { openAccessTokens } from './services/sessions/access-tokens.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type OPTIONS_TYPE,
} from './options/module-definition.js';
import { IpAllowlists } from './services/ip/ip-allowlists.service.js';
import { IpPolicy } from './services/ip/ip-policy.service.js';
import { RateLimiter } from './services/rate-limiter/rate-limiter.service.js';
import { assertOwn } from './rules/option-rules.js';
import { checkOptions, OPTION_NAMES } from './options/checks/options-check.js';
import { SessionService } from './services/sessions/session.service.js';
import type { ModuleSettings, SessionSettings } from './options/settings.js';
import { UserStateService } from './services/users/user-state.service.js';

/**
 * Sessions for a Nest app: `SessionModule.forRoot(options)`, or `forRootAsync({ imports, inject, useFactory })`. Without
 * options they live in this process's memory. Global unless `isGlobal` is false.
 * An option that cannot work stops the app with a `SessionConfigurationError` that names it.
 * @example
 * ```ts
 * const sessionModule = SessionModule.forRoot({ redis: 'redis://127.0.0.1:6379', guard: 'global', strict: true });
 * ```
 * @publicApi
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: SESSION_SETTINGS, inject: [MODULE_OPTIONS_TOKEN], useFactory: checkOptions },
    { provide: STORAGE, inject: [SESSION_SETTINGS], useFactory: openModuleStorage },
    { provide: SESSION_REPOSITORY, inject: [STORAGE], useFactory: ({ sessions }: Storage) => sessions },
    { provide: AUDIT_REPOSITORY, inject: [STORAGE], useFactory: ({ audit }: Storage) => audit },
    { provide: AuditLog, inject: [AUDIT_REPOSITORY], useFactory: openAuditLog },
    {
      provide: ONE_TIME_TOKEN_REPOSITORY,
      inject: [STORAGE],
      useFactory: ({ oneTimeTokens }: Storage) => oneTimeTokens,
    },
    { provide: TOKEN_CLOCK, inject: [SESSION_SETTINGS], useFactory: clockOf },
    { provide: ACCESS_TOKENS, inject: [SESSION_SETTINGS, TOKEN_CLOCK], useFactory: openAccessTokens },
    SessionService,
    UserStateService,
    OneTimeTokens,
    RateLimiter,
    IpPolicy,
    IpAllowlists,
    SessionEvents,
    LiveConnections,
    EventStreams,
    SseSessions,
    RpcReplies,
    SessionTransport,
    HandlerFinder,
    Realms,
    AccessReader,
    FailedTokens,
    RequestQuotas,
    Calls,
    SessionGuard,
    PolicyManifest,
    AccessCheck,
    CorsCheck,
    MessageProblems,
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_GUARD, useExisting: GLOBAL_GUARD },
    {
      provide: GLOBAL_GUARD,
      inject: [SESSION_SETTINGS, SessionGuard],
      useFactory: (settings: SessionSettings, guard: SessionGuard) =>
        settings.guardGlobally ? guard : NO_GUARD,
    },
  ],
  // AccessReader, FailedTokens, RequestQuotas, Calls and IpPolicy: the guard needs them in the modules that use the guard.
  exports: [
    SessionService,
    UserStateService,
    OneTimeTokens,
    RateLimiter,
    IpAllowlists,
    SessionEvents,
    LiveConnections,
    EventStreams,
    AuditLog,
    SessionTransport,
    SessionGuard,
    AccessReader,
    FailedTokens,
    RequestQuotas,
    Calls,
    IpPolicy,
    PolicyManifest,
    ACCESS_TOKENS,
    SESSION_SETTINGS,
    STORAGE,
  ],
})
export class SessionModule extends ConfigurableModuleClass implements OnApplicationShutdown {
  /** @internal */
  constructor(@Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository) {
    super();
  }

  /**
   * The module with these options; `forRootAsync()` takes a factory that gives them.
   * @throws SessionConfigurationError at once for options that are no plain object; at boot for one that cannot work
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    assertOwn(options, ['isGlobal', ...Object.keys(OPTION_NAMES)]);
    return super.forRoot(options);
  }

  /** The last of Nest's hooks: the server has let its requests finish by then. */
  async onApplicationShutdown(): Promise<void> {
    await this.repository.close();
  }
}

function openModuleStorage(settings: ModuleSettings): Promise<Storage> {
  const logger = new Logger(SessionModule.name);
  const { storage } = settings;
  if (storage.kind === 'memory' && !storage.isIntended) {
    const remedy = storage.isRedisMissing
      ? 'The option redis is undefined: is a setting missing?'
      : 'Set the option redis to keep them in Redis.';
    logger.warn(
      `Sessions are kept in memory: they end with this process, and no other process knows them. ${remedy}`,
    );
  }
  return openStorage(settings, (line) => logger.warn(line));
}

/** Redis's own time is a call away: for JWTs the process's clock does, with a tolerance. */
function clockOf({ storage }: ModuleSettings): Clock {
  return storage.kind === 'memory' ? storage.clock : systemClock;
}

function openAuditLog(repository: AuditRepository): AuditLog {
  const logger = new Logger(AuditLog.name);
  return new AuditLog(repository, (line) => logger.warn(line));
}
