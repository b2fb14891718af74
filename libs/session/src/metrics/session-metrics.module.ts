import { type DynamicModule, Module } from '@nestjs/common';
import { type METRICS_OPTIONS_TYPE, MetricsModuleClass } from './metrics-options.js';
import { SessionMetrics } from './session-metrics.js';

/**
 * Metrics of a `SessionModule` for Prometheus: `forRoot({ registry, prefix })`. It counts what this process does from the
 * app's start to its end. Serve them by a route of your own, for whoever may see them.
 * @example
 * ```ts
 * const imports = [SessionModule.forRoot(), SessionMetricsModule.forRoot()];
 * // in a controller, behind a guard of yours: return register.metrics(), with the type register.contentType
 * ```
 * @publicApi
 */
@Module({ providers: [SessionMetrics] })
export class SessionMetricsModule extends MetricsModuleClass {
  /**
   * The module with these options; `forRootAsync()` takes a factory that gives them.
   * @throws SessionConfigurationError at boot for an option that cannot work
   */
  static override forRoot(options: typeof METRICS_OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }
}
