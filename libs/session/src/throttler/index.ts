/**
 * `@nestjs/throttler` that counts over all nodes. Needs the package @nestjs/throttler.
 * @module @latchkey/session/throttler
 */
export { RedisThrottlerStorage, type RedisThrottlerStorageOptions } from './redis-throttler-storage.js';
