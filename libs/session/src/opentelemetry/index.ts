/**
 * Spans for OpenTelemetry. Needs the package @opentelemetry/api.
 * @module @latchkey/session/opentelemetry
 */
export { SessionTracingModule } from './session-tracing.module.js';
export type { SessionTracingOptions } from './tracing-options.js';
