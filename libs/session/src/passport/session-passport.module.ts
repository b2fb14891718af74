import { Module } from '@nestjs/common';
import { LatchkeyStrategy } from './latchkey.strategy.js';
import { PassportModuleClass } from './passport-options.js';

/**
 * Registers the Passport strategy `latchkey`, beside a global `SessionModule`, and lets `request.logOut()` end sessions.
 * `forRoot({ toRequestUser })`, or `forRootAsync({ imports, inject, useFactory })`, keeps an earlier shape of
 * `request.user`. With `isGlobal: false`, provide `LatchkeyStrategy` in a module that imports `SessionModule` instead.
 * @example
 * ```ts
 * const imports = [
 *   SessionModule.forRoot(),
 *   SessionPassportModule.forRoot({ toRequestUser: ({ user }) => ({ userId: user.id, roles: user.roles }) }),
 * ];
 * ```
 * @publicApi
 */
@Module({ providers: [LatchkeyStrategy], exports: [LatchkeyStrategy] })
export class SessionPassportModule extends PassportModuleClass {}
