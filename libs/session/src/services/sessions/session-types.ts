import { anything, callable, epoch, type Inputs, oneOf, yesOrNo } from '../../basics/inputs.js';
import { type AssuranceLevel, type Device, GIVEN_END_REASONS, type Session } from '../../model/session.js';
import type { JsonObject } from '../../model/session-data.js';
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
   * Guest who logs in: the guest's session, or a token such as `SessionTransport.readToken(request)` gives. Its data goes over
   * into the new session, and the guest's token is dead when `create()` resolves. Of parallel logins from one guest, one
   * gets the data. A token that opens no guest's session counts as none. When the login fails, the guest lives on.
   * @defaultValue none
   */
  readonly from?: string | Session | undefined;
  /**
   * Makes the new session's data of the guest's, where there is any, and of `data` (else an empty object). It answers at once,
   * may be called several times, and what it throws ends the login.
   * @defaultValue the keys of both; where both have one, that of `data`
   */
  readonly merge?: (guest: JsonObject, login: JsonObject) => object;
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

/** Options of `SessionService.createGuest()`. @publicApi */
export interface CreateGuestOptions {
  /**
   * Client IP, as `SessionTransport.clientIp` gives it: the option `guests.perIp` counts by it.
   * @defaultValue not known; all such guests share one quota
   */
  readonly clientIp?: string | undefined;
  /**
   * First content of the session data: a JSON object.
   * @defaultValue none
   */
  readonly data?: object;
  /**
   * Device, as for `create()`.
   * @defaultValue empty texts
   */
  readonly device?: Partial<Device>;
}

/** A guest's credential and session: the token is shown here once and kept nowhere. @publicApi */
export interface IssuedGuest {
  /** What requests carry. It is opaque whatever `accessToken` says, and lives as long as the session. */
  readonly token: string;
  /** When the session ends if no request comes. */
  readonly expiresAt: number;
  readonly session: Session;
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

const assuranceLevel = oneOf('aal1', 'aal2', 'aal3');
export const CREATE: Inputs<CreateSessionOptions> = {
  device: anything, // by normaliseDevice
  data: anything, // by the data store
  rememberMe: yesOrNo,
  assurance: assuranceLevel,
  ifEpoch: epoch,
  from: anything, // by GuestTakeover
  merge: (value, name) => callable(value, name) as NonNullable<CreateSessionOptions['merge']>,
};
export const GUEST: Inputs<CreateGuestOptions> = { clientIp: anything, data: anything, device: anything };
export const REPLACE: Inputs<ReplaceTokenOptions> = {
  ifEpoch: epoch,
  reauthenticated: yesOrNo,
  assurance: assuranceLevel,
  revokeOthers: yesOrNo,
};
export const REFRESH: Inputs<RefreshOptions> = { device: anything, accessToken: anything };
export const REVOKE_ALL: Inputs<{ readonly except?: Session }> = { except: anything };
/** Why an app ends a session. */
export const endReason = oneOf(...GIVEN_END_REASONS);
