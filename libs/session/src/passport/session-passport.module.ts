import { Module } from '@nestjs/common';
import { LatchkeyStrategy } from './latchkey.strategy.js';

/**
 * Registers the Passport strategy `latchkey`, beside a global `SessionModule`. With `isGlobal: false`, provide
 * `LatchkeyStrategy` in a module that imports `SessionModule` instead.
 * @example
 * ```ts
 * const imports = [SessionModule.forRoot(), SessionPassportModule];
 * ```
 * @publicApi
 */
@Module({ providers: [LatchkeyStrategy], exports: [LatchkeyStrategy] })
export class SessionPassportModule {}
