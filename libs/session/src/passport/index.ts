/**
 * `AuthGuard('latchkey')`, for apps that come from Passport. Needs the packages @nestjs/passport and passport.
 * @module @latchkey/session/passport
 */
export { LatchkeyStrategy, type LatchkeyUser } from './latchkey.strategy.js';
export { SessionPassportModule } from './session-passport.module.js';
