import type { SessionErrorCode } from '../model/error-codes.js';
import type { Realm } from './realm.js';

/** What every message says. @publicApi */
export interface TelemetryMessage {
  /** Which `SessionModule` it comes from. */
  readonly realm: Realm;
}

/**
 * The way in which something to check came: HTTP, a GraphQL operation, a message of a microservice, a context of the app's
 * own by its type; `handshake` and `message` of a live connection, and `recheck`: the connection is looked at again;
 * `direct`: the app called `SessionService.authenticate()` or `decide()`, as Passport's strategy does.
 * @publicApi
 */
export type CheckContextName =
  'http' | 'graphql' | 'rpc' | 'handshake' | 'message' | 'recheck' | 'direct' | (string & {});

/** One check, when it is decided: a request at its guard, quotas and lists of addresses included. @publicApi */
export interface CheckMessage extends TelemetryMessage {
  readonly context: CheckContextName;
  /** `error`: it could not be decided, and was refused. */
  readonly decision: 'permit' | 'deny' | 'error';
  /** Why it was not permitted; `unexpected` for an error that is not the library's. */
  readonly reason?: SessionErrorCode | 'unexpected' | undefined;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** A pseudonym of the user who was let in: too many for a label. Computed where it is read, and not serialised. */
  readonly userRef?: string | undefined;
}

/** What was done, by the method that did it. @publicApi */
export type ActName =
  | 'block'
  | 'unblock'
  | 'set_roles'
  | 'grant'
  | 'withdraw'
  | 'set_ip_allowlist'
  | 'update'
  | 'erase'
  | 'revoke'
  | 'revoke_all'
  | 'set_ip_list';

/** What is done to users, sessions and lists: each with the reason that its sessions end for. */
export const ACTS = {
  block: 'blocked',
  unblock: null,
  set_roles: null,
  grant: null,
  withdraw: null,
  set_ip_allowlist: null,
  update: null,
  erase: 'erased',
  revoke: null,
  revoke_all: 'revoked',
  set_ip_list: null,
} as const satisfies Readonly<Record<ActName, SessionEnd | null>>;

/** One act against a user, a session or a list, on the node where it was asked for. @publicApi */
export interface ActMessage extends TelemetryMessage {
  readonly act: ActName;
  /** `ok`, or the code of the error; `unexpected` for an error that is not the library's. */
  readonly outcome: 'ok' | SessionErrorCode | 'unexpected';
  /** How long it took, with the confirmations of the other nodes, in milliseconds. */
  readonly durationMs: number;
  /** Of an act that other nodes confirm. */
  readonly receipt?:
    | {
        readonly connectionsClosed: number;
        readonly nodes: { readonly confirmed: number; readonly expired: number };
      }
    | undefined;
  /** A pseudonym of the user: too many for a label. Computed where it is read, and not serialised. */
  readonly userRef?: string | undefined;
}

/** Why sessions ended. Timeouts are not told: a session that times out is noticed by whoever comes with its token. @publicApi */
export type SessionEnd = 'logout' | 'revoked' | 'evicted' | 'refresh_reused' | 'blocked' | 'erased';

/** Sessions began, went on with new tokens or were ended, on the node where that was asked for. @publicApi */
export interface SessionsMessage extends TelemetryMessage {
  readonly change: 'created' | 'refreshed' | 'ended';
  readonly reason: 'login' | 'guest' | 'refresh' | SessionEnd;
  /** How many. */
  readonly count: number;
}

/** One call of Redis. @publicApi */
export interface RedisCallMessage extends TelemetryMessage {
  /** The script's name. */
  readonly script: string;
  /**
   * `timeout`: there was no answer in time; `refused`: Redis answered with an error; `lost`: there was no connection, or it
   * broke.
   */
  readonly outcome: 'ok' | 'timeout' | 'refused' | 'lost';
  /** From the moment at which the call was asked for, in milliseconds. */
  readonly durationMs: number;
  /** What it may take: the option `commandTimeoutMs`. */
  readonly deadlineMs: number;
}

/** A quota had no room. @publicApi */
export interface QuotaRefusalMessage extends TelemetryMessage {
  /** The quota's name, as the app gave it. */
  readonly quota: string;
}

/** A token was presented that opens nothing. @publicApi */
export interface FailedTokenMessage extends TelemetryMessage {
  readonly token: 'session' | 'refresh' | 'one_time';
  /**
   * `malformed`: it cannot be one of ours; `unknown`: it could. Whether the secret is wrong, or there is no such session, is
   * not told apart on purpose.
   */
  readonly failure: 'malformed' | 'unknown';
}

/** A live connection was opened or is over. @publicApi */
export interface ConnectionsMessage extends TelemetryMessage {
  readonly change: 'opened' | 'closed';
  /** Why this side ended it, as its client was told; absent where the client has gone. */
  readonly code?: string | undefined;
  /** How many this node has open now. */
  readonly open: number;
}

/** Redis has come, gone, or is found unfit to keep sessions. Storage in memory is always up, and says nothing. @publicApi */
export interface StorageMessage extends TelemetryMessage {
  readonly state: 'up' | 'down';
}

/** The channels of `node:diagnostics_channel`, with what is told on each. @publicApi */
export interface TelemetryMessages {
  readonly 'latchkey.check': CheckMessage;
  readonly 'latchkey.act': ActMessage;
  readonly 'latchkey.sessions': SessionsMessage;
  readonly 'latchkey.redis_call': RedisCallMessage;
  readonly 'latchkey.quota_refusal': QuotaRefusalMessage;
  readonly 'latchkey.failed_token': FailedTokenMessage;
  readonly 'latchkey.connections': ConnectionsMessage;
  readonly 'latchkey.storage': StorageMessage;
}
