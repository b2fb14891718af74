// What both versions know of tokens.
/** Handlers of both versions read it from `request.user`. */
export interface RequestUser {
  readonly userId: string;
  readonly roles: readonly string[];
  /** The session's ID; tokens of the old version have none. */
  readonly sid?: string;
}

/** For signing access tokens and refresh tokens: in an app of yours, from its settings. */
export const SECRETS = {
  access: process.env['JWT_SECRET'] ?? 'an access secret of the example',
  refresh: process.env['JWT_REFRESH_SECRET'] ?? 'a refresh secret of the example',
};
export const ACCESS_TTL = '15m';
export const REFRESH_TTL_S = 7 * 86_400;
