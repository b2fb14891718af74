/**
 * A health indicator for `@nestjs/terminus`. Needs the package @nestjs/terminus.
 * @module @latchkey/session/terminus
 */
export { SessionHealthIndicator, type SessionHealthOptions } from './session-health.indicator.js';
