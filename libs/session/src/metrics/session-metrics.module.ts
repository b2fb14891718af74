import { Module } from '@nestjs/common';
import { MetricsModuleClass } from './metrics-options.js';
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
export class SessionMetricsModule extends MetricsModuleClass {}
