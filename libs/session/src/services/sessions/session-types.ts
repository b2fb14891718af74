import type { AssuranceLevel, Device, Session } from '../../model/session.js';
import type { UserState } from '../../model/user-state.js';

/** Options of `SessionService.create()`. @publicApi */
export interface CreateSessionOptions {
  /**
   * Device by which the person recognises the session in a list. `name` is cut to 64 characters.
   * `SessionTransport.deviceOf(request)` makes one.
   * @defaultValue empty texts
   */
  readonly device?: Partial<Device>;
  /**
   * First content of the session data: a JSON object.
   * @defaultValue none
   */
  readonly data?: object;
  /**
   * Use `rememberMeLifetime` instead of `lifetime`.
   * @defaultValue `false`
   */
  readonly rememberMe?: boolean;
  /**
   * How the person proved who they are: authenticator assurance level of NIST SP 800-63B-4.
   * @defaultValue `'aal1'`
   */
  readonly assurance?: AssuranceLevel;
  /**
   * The user's epoch, read *before* the password or other credential was verified (`UserStateService.get` or `ensure`).
   * The login fails with `epoch_changed` when a block, a password change or a "log out everywhere" came in between.
   * Leave it out only where the app verified no credential.
   * @defaultValue no such check
   */
  readonly ifEpoch?: number;
}

/** Credentials and the session that they open. The tokens are shown here once and kept nowhere. @publicApi */
export interface IssuedSession {
  /** The access token: what requests carry. */
  readonly token: string;
  /** With the option `refresh`: what gets new tokens, once. */
  readonly refreshToken?: string;
  /**
   * When the access token ends: by its own time with the option `refresh`, else with the session if no request comes.
   */
  readonly expiresAt: number;
  readonly session: Session;
  readonly user: UserState;
}

/** A session that passed the check, and its user as of this moment. @publicApi */
export interface AuthenticatedSession {
  readonly session: Session;
  readonly user: UserState;
}

/** Options of `SessionService.replaceToken()`. @publicApi */
export interface ReplaceTokenOptions {
  /**
   * The user's epoch, read before the credential was verified, as for `create()`.
   * @defaultValue no such check
   */
  readonly ifEpoch?: number;
  /**
   * The person has just proved who they are (reauthentication): both timeouts start again.
   * @defaultValue `true`
   */
  readonly reauthenticated?: boolean;
  /**
   * Raise the session to this assurance level (step-up). A lower one changes nothing.
   * @defaultValue the session's own
   */
  readonly assurance?: AssuranceLevel;
  /**
   * End every other session of the user in the same step, as for a password change.
   * @defaultValue `false`
   */
  readonly revokeOthers?: boolean;
}

/** Options of `SessionService.refresh()`. @publicApi */
export interface RefreshOptions {
  /**
   * Device that presents the refresh token. Where it differs, it replaces the session's.
   * @defaultValue the session's own
   */
  readonly device?: Partial<Device>;
  /**
   * Access token that came with the refresh token; it may have expired. One of another session makes the refresh
   * token invalid. Pass it when a browser sent both in cookies: a subdomain can plant a refresh cookie, but not a
   * `__Host-` one.
   * @defaultValue no such check
   */
  readonly accessToken?: string;
}
