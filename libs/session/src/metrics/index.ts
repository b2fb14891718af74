/**
 * Metrics for Prometheus. Needs the package prom-client.
 * @module @latchkey/session/metrics
 */
export type { SessionMetricsOptions } from './metrics-options.js';
export { SessionMetricsModule } from './session-metrics.module.js';
