import type { DataSealer } from '../rules/data-sealer.js';
import type { Clock } from '../basics/clock.js';
import type { QuotaRule } from '../rules/quota-rule.js';
import type { IpListRef, IpRequirements } from '../model/ip-list.js';
import type { QuotaPolicy } from '../model/quota.js';
import type { Lifetime } from '../model/session.js';
import type { UserDirectory } from '../model/user-state.js';
import type { RolePermissions } from '../rules/roles.js';
import type { AuditSettings } from '../storage/contract/audit-repository.js';
import type { Durability } from '../storage/contract/replication.js';
import type { RepositorySettings } from '../storage/contract/session-repository.js';
import type { ContextReader } from './context-reader.js';
import type { SessionModuleOptions } from './options.js';
import type { JwtAlgorithm, JwtKeys } from './jwt-options.js';
import type { Realm } from '../telemetry/realm.js';

/** The module's options, checked and with every default filled in. */
export interface SessionSettings extends RepositorySettings {
  /** Which module, in what is told of it. */
  readonly realm: Realm;
  readonly lifetime: Lifetime;
  readonly rememberMeLifetime: Lifetime;
  readonly refresh: RefreshSettings;
  readonly sessionData: SessionDataSettings;
  readonly permissions: RolePermissions;
  readonly namedQuotas: ReadonlyMap<string, QuotaRule>;
  readonly defaultQuotas: readonly QuotaRule[];
  readonly ipPolicy: IpPolicySettings;
  /** Sessions before login; absent: there are none. */
  readonly guests?: GuestSettings;
  /** What tokens that nobody has are charged to, by client IP; absent: nothing. */
  readonly failedTokens?: QuotaPolicy;
  readonly userDirectory?: UserDirectory;
  readonly userDirectoryTimeoutMs: number;
  readonly guardGlobally: boolean;
  /** No handler may be open without saying so. */
  readonly strict: boolean;
  readonly transport: TransportSettings;
  /** Contexts of the app's own. */
  readonly contexts: readonly ContextReader[];
  readonly audit: AuditSettings;
  /** When acts are acknowledged that do not say so themselves. */
  readonly durability: Durability;
  /** Streams and sockets that may be open at once on each node. */
  readonly live: { readonly maxConnectionsPerSession: number; readonly maxConnectionsPerUser: number };
}

export interface GuestSettings {
  readonly lifetime: Lifetime;
  /** What their beginnings are charged to, by client IP; absent: nothing. */
  readonly perIp?: QuotaPolicy;
}

export interface SessionDataSettings {
  /** How many bytes of UTF-8 the data of one session may have as JSON text. */
  readonly maxBytes: number;
  readonly sealer: DataSealer;
}

/** Where requests may come from, besides what handlers and users say. */
export interface IpPolicySettings {
  /** For every handler that is not public; absent: nothing. */
  readonly requirements?: IpRequirements;
  /** For whoever has the role. */
  readonly roles: readonly (readonly [role: string, list: IpListRef])[];
}

/** What the module itself needs besides: no service sees where Redis is. */
export interface ModuleSettings extends SessionSettings {
  readonly storage: StorageSettings;
  readonly accessToken: AccessTokenSettings;
}

/** How access tokens are written. */
export type AccessTokenSettings = { readonly kind: 'opaque' } | ({ readonly kind: 'jwt' } & JwtSettings);

export interface JwtSettings {
  readonly algorithm: JwtAlgorithm;
  readonly issuer: string;
  readonly audience: string;
  readonly keys: JwtKeys;
  readonly clockToleranceMs: number;
}

/** Where sessions live. */
export type StorageSettings =
  /**
   * `isIntended`: the app said that it knows, and needs no warning. `isRedisMissing`: the option `redis` is there and has no
   * value, as when a setting is missing.
   */
  | {
      readonly kind: 'memory';
      readonly clock: Clock;
      readonly isIntended: boolean;
      readonly isRedisMissing?: boolean;
    }
  | {
      readonly kind: 'redis';
      readonly redis: Exclude<NonNullable<SessionModuleOptions['redis']>, URL>;
      readonly keyPrefix: string;
      readonly commandTimeoutMs: number;
      readonly realm: Realm;
      /** Absent: there is none. */
      readonly nearCache?: { readonly leaseMs: number; readonly maxEntries: number };
    };

/** How access and refresh tokens are made. */
export interface RefreshSettings {
  /** Whether new sessions get refresh tokens; those that have some keep them. */
  readonly isOn: boolean;
  readonly accessTokenTtlMs: number;
  readonly graceMs: number;
}

/** How tokens travel and whom we believe about where a request comes from. */
export interface TransportSettings {
  readonly cookieEnabled: boolean;
  readonly bearerEnabled: boolean;
  readonly cookieName: string;
  /** `none` also means `Partitioned`. */
  readonly sameSite: 'lax' | 'strict' | 'none';
  /** Where browsers send the refresh token; absent: it never travels in a cookie. */
  readonly refreshCookiePath?: string;
  readonly publicOrigin?: string;
  /** Other origins whose pages may send the cookie, as browsers write them. */
  readonly allowedOrigins: readonly string[];
  readonly trustProxy?: number | readonly string[];
  readonly forwardedHeader: string;
  /** Whether answers say when the session will time out. */
  readonly sessionExpiresHeader: boolean;
}
