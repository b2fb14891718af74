import { isSafeMethod } from '../contexts/http/cross-origin.js';
import type { SessionErrorCode } from '../model/error-codes.js';
import type { Served } from './served.js';

type Applies = (served: Served) => boolean;

const isGuarded: Applies = ({ entry }) => entry.access === 'guarded';
const isForService: Applies = ({ entry }) => entry.access === 'service';
export const looksForSession: Applies = ({ entry: { access } }) =>
  access === 'guarded' || access === 'optional';
export const hasQuotas: Applies = ({ entry }) => entry.quotas !== undefined;
const hasLists: Applies = ({ entry }) => entry.ipAllowlists !== undefined || entry.ipDenylists !== undefined;
/** Ranges that a decorator spells out need no storage. */
const hasNamedLists: Applies = ({ entry: { ipAllowlists = [], ipDenylists = [] } }) =>
  [...ipAllowlists, ...ipDenylists].some((list) => typeof list === 'string');
/** Only services and one's own code raise it, or its status is none that is documented here. */
const never: Applies = () => false;

/** When a guard of ours refuses a request with each code. */
const RAISED: Readonly<Record<SessionErrorCode, Applies>> = {
  session_missing: isGuarded,
  session_invalid: isGuarded,
  session_revoked: isGuarded,
  session_expired: (served) => isGuarded(served) && served.entry.allowExpired !== true,
  reauthentication_required: ({ entry }) => entry.fresh !== undefined || entry.assurance !== undefined,
  service_token_missing: isForService,
  service_token_invalid: isForService,
  user_blocked: looksForSession,
  // A user may have a list, too.
  ip_not_allowed: (served) => looksForSession(served) || hasLists(served),
  forbidden: (served) => isForService(served) || served.entry.roles !== undefined,
  cross_origin: ({ isEnforced, method, realm: { settings } }) =>
    isEnforced && settings.transport.cookieEnabled && !isSafeMethod(method),
  rate_limited: (served) =>
    hasQuotas(served) || (looksForSession(served) && served.realm.settings.failedTokens !== undefined),
  session_store_unavailable: (served) =>
    looksForSession(served) ||
    (hasQuotas(served) && served.entry.onStoreFailure === undefined) ||
    hasNamedLists(served),
  ambiguous_credentials: never,
  bad_request: never,
  epoch_changed: never,
  not_durable: never,
  session_limit_reached: never,
  token_invalid: never,
  too_large: never,
  too_many_connections: never,
  user_unknown: never,
  version_conflict: never,
  would_lock_out: never,
};

const ALL = Object.keys(RAISED) as SessionErrorCode[];

/** What a guard of ours may refuse a request of a handler with. */
export function codesOf(served: Served): readonly SessionErrorCode[] {
  return ALL.filter((code) => RAISED[code](served));
}
