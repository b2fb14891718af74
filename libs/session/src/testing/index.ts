/**
 * For tests of apps: sessions in memory, logins without a password, a clock that stands still.
 * @module @latchkey/session/testing
 */
export { FakeClock } from './fake-clock.js';
export { loginAs, type LoggedIn, type LoginAsOptions } from './login-as.js';
export { describeRepositoryContract } from './contract/repository.js';
export { SessionTestingModule, type SessionTestingOptions } from './session-testing.module.js';
