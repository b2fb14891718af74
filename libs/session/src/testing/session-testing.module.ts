import { Module, type CanActivate, type DynamicModule } from '@nestjs/common';
import type { TestingModuleBuilder } from '@nestjs/testing';
import { systemClock, type Clock } from '../basics/clock.js';
import { AccessReader } from '../guard/access-reader.js';
import { Realms } from '../guard/realms.js';
import { MemorySessionRepository } from '../storage/memory/session-repository.js';
import { memoryStorage } from '../storage/open-storage.js';
import { GLOBAL_GUARD, SESSION_SETTINGS, STORAGE, TOKEN_CLOCK } from '../options/injection-keys.js';
import { SessionModule } from '../session.module.js';
import type { SessionModuleOptions } from '../options/options.js';
import type { ModuleSettings, SessionSettings } from '../options/settings.js';

/**
 * Options of `SessionTestingModule.forRoot()`: those of `SessionModule` except `redis`, `keyPrefix`, `commandTimeoutMs`
 * and `allowMemoryInProduction`.
 * @publicApi
 */
export type SessionTestingOptions = Omit<
  SessionModuleOptions,
  'redis' | 'keyPrefix' | 'commandTimeoutMs' | 'allowMemoryInProduction'
> & { readonly isGlobal?: boolean };

/**
 * `SessionModule` for tests: in memory, without a warning, and by a `FakeClock` if you like.
 * @example
 * ```ts
 * const builder = Test.createTestingModule({ imports: [AppModule] });
 * const testing = await SessionTestingModule.replaceIn(builder).compile();
 * ```
 * @publicApi
 */
@Module({})
export class SessionTestingModule {
  /** Stands where `SessionModule.forRoot()` does, in a module that a test puts together. */
  static forRoot(options: SessionTestingOptions = {}): DynamicModule {
    const sessions = SessionModule.forRoot({ ...options, allowMemoryInProduction: true });
    return { module: SessionTestingModule, imports: [sessions], exports: [sessions] };
  }

  /**
   * Lets a whole app run on memory although its own `SessionModule` is set to Redis, which is then never opened:
   * `SessionTestingModule.replaceIn(Test.createTestingModule({ imports: [AppModule] }))`. Its other options stay.
   */
  static replaceIn(
    builder: TestingModuleBuilder,
    options: { readonly clock?: Clock } = {},
  ): TestingModuleBuilder {
    const { clock = systemClock } = options;
    return builder
      .overrideProvider(TOKEN_CLOCK)
      .useValue(clock)
      .overrideProvider(STORAGE)
      .useFactory({
        inject: [SESSION_SETTINGS],
        factory: (settings: ModuleSettings) =>
          memoryStorage(new MemorySessionRepository(settings, clock), settings.audit, clock),
      });
  }
  /**
   * Puts a guard of the test's in the place of `SessionGuard`, wherever that stands: on handlers, by the option, or by
   * `APP_GUARD`. Nest's own `overrideGuard(SessionGuard)` reaches only those on handlers, and
   * `overrideProvider(SessionGuard)` only that of the option. `SessionWsAdapter` goes on checking.
   */
  static replaceGuard(builder: TestingModuleBuilder, guard: CanActivate): TestingModuleBuilder {
    return builder
      .overrideProvider(GLOBAL_GUARD)
      .useValue(guard)
      .overrideProvider(AccessReader)
      .useFactory({
        inject: [SESSION_SETTINGS, Realms],
        factory: (settings: SessionSettings, realms: Realms) => new StandsAside(settings, realms),
      });
  }
}

/** Has every `SessionGuard` leave the decision to another guard, which stands before all handlers. */
class StandsAside extends AccessReader {
  override placeOf(): 'aside' {
    return 'aside';
  }
}
