import type { INestApplicationContext } from '@nestjs/common';
import type { AssuranceLevel, Device } from '../model/session.js';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import { SessionService } from '../services/sessions/session.service.js';
import type { IssuedSession } from '../services/sessions/session-types.js';
import type { SessionSettings } from '../options/settings.js';
import { UserStateService } from '../services/users/user-state.service.js';

/** Options of `loginAs()`. @publicApi */
export interface LoginAsOptions {
  /** The user to log in. Without a `UserDirectory`, a missing record is made. */
  readonly userId: string;
  /**
   * Roles that the user has from now on.
   * @defaultValue those of the user's record, or none
   */
  readonly roles?: readonly string[];
  /**
   * Assurance level of the session.
   * @defaultValue `'aal1'`
   */
  readonly assurance?: AssuranceLevel;
  /**
   * Use `rememberMeLifetime`.
   * @defaultValue `false`
   */
  readonly rememberMe?: boolean;
  /**
   * Device of the session.
   * @defaultValue empty texts
   */
  readonly device?: Partial<Device>;
  /**
   * First content of the session data.
   * @defaultValue none
   */
  readonly data?: object;
}

/** A session, and every form in which a request can carry its token. @publicApi */
export interface LoggedIn extends IssuedSession {
  /** For the `Authorization` header. */
  readonly authorization: string;
  /** For the `Cookie` header. */
  readonly cookie: string;
  /** For a request in a test: `Authorization`, or `Cookie` where the app takes no bearer tokens. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Logs a user in without a password, in any app that uses `SessionModule`: for end-to-end tests.
 * @throws SessionError `user_unknown` when the app's `UserDirectory` does not know the user, `user_blocked`
 * @example
 * ```ts
 * const { headers } = await loginAs(app, { userId: 'mia', roles: ['moderator'] });
 * const response = await fetch(`${url}/moderation`, { headers });
 * ```
 * @publicApi
 */
export async function loginAs(
  app: Pick<INestApplicationContext, 'get'>,
  options: LoginAsOptions,
): Promise<LoggedIn> {
  const { userId, roles, ...sessionOptions } = options;
  const users = app.get(UserStateService, { strict: false });
  const { transport, userDirectory } = app.get<SessionSettings>(SESSION_SETTINGS, { strict: false });
  if (!userDirectory) await users.ensure(userId);
  if (roles) await users.setRoles(userId, roles);
  const issued = await app.get(SessionService, { strict: false }).create(userId, sessionOptions);
  const authorization = `Bearer ${issued.token}`;
  const cookie = `${transport.cookieName}=${issued.token}`;
  return {
    ...issued,
    authorization,
    cookie,
    headers: transport.bearerEnabled ? { authorization } : { cookie },
  };
}
