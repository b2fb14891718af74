import { ConfigurableModuleBuilder } from '@nestjs/common';
import { fail, isRecord, mustBe, noOthers } from '../rules/option-rules.js';
import type { AuthenticatedSession } from '../services/sessions/session-types.js';

/** Options of `SessionPassportModule`. @publicApi */
export interface SessionPassportOptions {
  /**
   * Makes what `AuthGuard('latchkey')` puts on `request.user`, for handlers that read the shape of an earlier strategy.
   * May be `async`. `SessionGuard` leaves it there; it is called once for each guard of the strategy. A result that is
   * no object refuses the request with `forbidden`.
   * @defaultValue a `LatchkeyUser`: the user's state, with `session` beside it
   */
  readonly toRequestUser?: (authenticated: AuthenticatedSession) => object | Promise<object>;
}

export const {
  ConfigurableModuleClass: PassportModuleClass,
  MODULE_OPTIONS_TOKEN: PASSPORT_OPTIONS,
  OPTIONS_TYPE: PASSPORT_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<SessionPassportOptions>({ moduleName: 'SessionPassport' })
  .setClassMethodName('forRoot')
  .build();

/** @throws SessionConfigurationError naming the option */
export function checkPassportOptions(given: SessionPassportOptions = {}): SessionPassportOptions {
  if (!isRecord(given)) mustBe('SessionPassportModule', 'an object', given);
  noOthers(given, ['toRequestUser'], 'SessionPassportModule.');
  if (given.toRequestUser !== undefined && typeof given.toRequestUser !== 'function')
    fail('SessionPassportModule.toRequestUser', 'must be a function');
  return given;
}
