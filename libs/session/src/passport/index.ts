/**
 * `AuthGuard('latchkey')`, for apps that come from Passport. Needs the packages @nestjs/passport and passport.
 * @module @latchkey/session/passport
 */
export { LatchkeyStrategy, type LatchkeyRequest, type LatchkeyUser } from './latchkey.strategy.js';
export type { LogOut } from './log-out.js';
export type { SessionPassportOptions } from './passport-options.js';
export { SessionPassportModule } from './session-passport.module.js';
