/**
 * For tests of apps: sessions in memory, logins without a password, a clock that stands still.
 * @module @latchkey/session/testing
 */
export { expectDenied, type DeniedResponse } from './expect-denied.js';
export { FakeClock } from './fake-clock.js';
export { guardAs, type GuardAsOptions } from './guard-as.js';
export { keepSecureCookies, type CookieAgent } from './keep-secure-cookies.js';
export { loginAs, type LoggedIn, type LoginAsOptions } from './login-as.js';
export { describeRepositoryContract } from './contract/repository.js';
export { SessionTestingModule, type SessionTestingOptions } from './session-testing.module.js';
