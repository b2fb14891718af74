import { Inject, Injectable, type INestApplicationContext } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
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
 * @param app the app, or with several `SessionModule`s `app.select(ShopModule)`, a module that imports the one meant
 * @throws SessionError `user_unknown` when the app's `UserDirectory` does not know the user, `user_blocked`; Error where
 * it is not clear which `SessionModule` is meant
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
  const { sessions, users, settings } = await realmOf(app);
  const { transport, userDirectory } = settings;
  if (!userDirectory) await users.ensure(userId);
  if (roles) await users.setRoles(userId, roles);
  const issued = await sessions.create(userId, sessionOptions);
  const authorization = `Bearer ${issued.token}`;
  const cookie = `${transport.cookieName}=${issued.token}`;
  return {
    ...issued,
    authorization,
    cookie,
    headers: transport.bearerEnabled ? { authorization } : { cookie },
  };
}

/** Asks for what a provider of a module would be given: that module's own `SessionModule`. */
@Injectable()
class Realm {
  constructor(
    @Inject(SessionService) readonly sessions: SessionService,
    @Inject(UserStateService) readonly users: UserStateService,
    @Inject(SESSION_SETTINGS) readonly settings: SessionSettings,
  ) {}
}

async function realmOf(app: Pick<INestApplicationContext, 'get'>): Promise<Realm> {
  try {
    return await app.get(ModuleRef, { strict: true }).create(Realm);
  } catch (error) {
    // The module sees none: the only one there is will do.
    const all = app.get<SessionSettings>(SESSION_SETTINGS, { strict: false, each: true });
    if (all.length !== 1) {
      throw new Error(
        `loginAs() has ${all.length} SessionModules to choose from: give it app.select() of a module that imports one`,
        { cause: error },
      );
    }
    const of = <T>(type: new (...args: never[]) => T) => app.get<T>(type, { strict: false });
    return new Realm(of(SessionService), of(UserStateService), all[0] as SessionSettings);
  }
}
