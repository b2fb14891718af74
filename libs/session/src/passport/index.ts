export { LatchkeyStrategy, type LatchkeyUser } from './latchkey.strategy.js';
export { SessionPassportModule } from './session-passport.module.js';
