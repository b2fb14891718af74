import type { AssuranceLevel, Device, Session } from '../../model/session.js';
import type { UserState } from '../../model/user-state.js';

/** @publicApi */
export interface CreateSessionOptions {
  /** What the person will recognise this session by. `name` is cut to 64 characters. */
  readonly device?: Partial<Device>;
  /** What the session's data begins with: a JSON object. Default none. */
  readonly data?: object;
  /** Use the longer `rememberMeLifetime`. Default false. */
  readonly rememberMe?: boolean;
  /** How the person proved who they are. Default `aal1`. */
  readonly assurance?: AssuranceLevel;
  /**
   * The user's epoch, read *before* the password or other credential was verified (`UserStateService.get` or `ensure`).
   * If a block, a password change or a "log out everywhere" came in between, the login fails with `epoch_changed`.
   * Leave it out only where nothing of yours was verified.
   */
  readonly ifEpoch?: number;
}

/** Credentials and the session that they open. The tokens are shown here once and kept nowhere. @publicApi */
export interface IssuedSession {
  /** The access token: what requests carry. */
  readonly token: string;
  /** With the option `refresh`: what gets new tokens, once. */
  readonly refreshToken?: string;
  /** When the access token ends: by its own time with the option `refresh`, else with the session if no request comes. */
  readonly expiresAt: number;
  readonly session: Session;
  readonly user: UserState;
}

/** @publicApi */
export interface AuthenticatedSession {
  readonly session: Session;
  readonly user: UserState;
}

/** @publicApi */
export interface ReplaceTokenOptions {
  /** As at creation: read before the credential was verified. */
  readonly ifEpoch?: number;
  /** The person proved who they are just now: both timeouts start again. Default true. */
  readonly reauthenticated?: boolean;
  /** Raises the session's assurance (step-up); never lowers it. */
  readonly assurance?: AssuranceLevel;
  /** End every other session of the user's in the same step: for a password change. Default false. */
  readonly revokeOthers?: boolean;
}

/** @publicApi */
export interface RefreshOptions {
  /** Who presents it, as at creation: what the session is known by from then on, where it differs. */
  readonly device?: Partial<Device>;
  /**
   * An access token that came along, if only to say whose session it is: it may have run out. One of another session
   * makes the refresh token invalid. Give it where a browser sent both in cookies: a subdomain can plant a refresh
   * cookie, but no `__Host-` one.
   */
  readonly accessToken?: string;
}
