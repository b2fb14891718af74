import type { Cluster, Redis, RedisOptions } from 'ioredis';
import type { Clock } from '../basics/clock.js';
import type { Duration } from '../basics/duration.js';
import type { UserDirectory } from '../model/user-state.js';
import type { LifetimeOption } from '../rules/lifetime.js';
import type { QuotaOptions, RateLimitOptions } from '../rules/quota-options.js';
import type { RolePermissions } from '../rules/roles.js';
import type { JwtOptions } from './jwt-options.js';

/**
 * What `SessionModule.forRoot()` takes. Everything is optional: without options, sessions live in this process's memory.
 *
 * Leave out what is to have its default. An option that is there and `null` or `undefined`, at any depth, stops the app with
 * a `SessionConfigurationError`: it looks like a setting that is missing. `undefined` counts as left out only where the
 * default allows no more than any value does: `commandTimeoutMs`, `allowMemoryInProduction`, `clock`, `publicOrigin`,
 * `cookie.name`, `accessToken`, `jwt`, `permissions`, `userDirectoryTimeout`; and `redis`, see there.
 * @publicApi
 */
export interface SessionModuleOptions {
  /**
   * Where sessions live: a `redis://` or `rediss://` URL (in it, `encodeURIComponent` the password) or ioredis options with
   * `host`, `port`, `path` or `sentinels`, for a client that the module opens and closes; or the app's own ioredis `Redis` or `Cluster`, which the module never closes (see `redisClientOptions` for
   * what it must set). Default: this process's memory; `undefined` (as of a missing `process.env.REDIS_URL`) means that too,
   * with a warning, but stops the app where `NODE_ENV` is `production`, also with `allowMemoryInProduction`.
   */
  readonly redis?: string | URL | RedisOptions | Redis | Cluster;
  /** Put before every key, for a Redis that others use too: letters, digits, `: . _ -`. Default `lk`. */
  readonly keyPrefix?: string;
  /**
   * How long to wait for Redis before a request is refused with 503, in milliseconds, 10–10,000. Default 180. Beside four
   * busy processes on two cores a healthy Redis took up to 165 ms, once in 7,000 times over 150; and a refusal that is
   * decided after 180 ms still leaves within 250 ms. A call that depends upon another one has a term of its own.
   */
  readonly commandTimeoutMs?: number;
  /** Keep sessions in memory although `NODE_ENV` is `production`, and without a warning. Default false. */
  readonly allowMemoryInProduction?: boolean;
  /** The clock of the in-memory repository. Default the system's. */
  readonly clock?: Clock;

  /** `'global'` guards every handler that is not marked `@Public()`. Default: only where `SessionGuard` is used. */
  readonly guard?: 'global';
  /**
   * Refuse to start when a handler of HTTP, WebSocket, GraphQL or a microservice is neither `@Public()` nor behind a
   * `SessionGuard` (WebSocket: `SessionWsAdapter`). Default false. Requirements that nothing enforces stop the app always.
   */
  readonly strict?: boolean;
  /** Where a token is looked for. Default both: the cookie and `Authorization: Bearer`. */
  readonly transports?: readonly ('cookie' | 'bearer')[];
  /** The session cookie's name and `SameSite`. Default `__Host-session`, `lax`. The rest is fixed: `HttpOnly; Secure; Path=/`. */
  readonly cookie?: { readonly name?: string; readonly sameSite?: 'lax' | 'strict' };
  /** The origin that browsers see, such as `https://app.example`, when TLS ends at a proxy. Default: the request's own. */
  readonly publicOrigin?: string;
  /** Which proxies are believed about the client IP: how many hops, or their CIDRs. Default none: the peer is the client. */
  readonly trustProxy?: number | readonly string[];
  /** The one header in which trusted proxies write the client IP. Default `x-forwarded-for`. */
  readonly forwardedHeader?: 'x-forwarded-for' | 'forwarded' | 'x-real-ip' | (string & {});

  /** Session lifetime: `'aal1'`, `'aal2'`, `'aal3'` (NIST SP 800-63B-4) or two timeouts. Default `'aal2'`: 1 h inactivity, 24 h in all. */
  readonly lifetime?: LifetimeOption;
  /** Lifetime of sessions made with `rememberMe`. Default `'aal1'`: 14 d inactivity, 30 d in all. */
  readonly rememberMeLifetime?: LifetimeOption;
  /** Stricter lifetimes that hold as long as a user has the role, whatever the session began with. Default none. */
  readonly roleLifetimes?: Readonly<Record<string, LifetimeOption>>;
  /** How much time may pass before a request is written down as activity; at most a twentieth of the inactivity timeout is used. Default 1 minute. */
  readonly touchInterval?: Duration;
  /** Live sessions a user may have, 1–10,000. Default 100. */
  readonly maxSessionsPerUser?: number;
  /** What a login over `maxSessionsPerUser` does: `'evict-oldest'` ends the oldest session, `'reject'` fails with 409. Default `'evict-oldest'`. */
  readonly onSessionLimit?: 'evict-oldest' | 'reject';

  /**
   * Short access tokens (default 10 minutes, at most 24 hours), and refresh tokens that work once to get new ones. The
   * last one that was used is answered with the same tokens again for the `grace` (default 10 seconds, at most 60
   * seconds; 0: never), for clients that ask twice at once, or lost the reply. `cookiePath` is where the app's route
   * for it is, default `/auth/refresh`, with the global prefix and the version: one that lacks these stops the app. Default off:
   * a token lives as long as its session.
   */
  readonly refresh?:
    boolean | { readonly accessTokenTtl?: Duration; readonly grace?: Duration; readonly cookiePath?: string };

  /**
   * What sessions may hold: at most `maxBytes` of JSON (2–1,048,576, default 8,192). With `keys`, it is sealed by AES-256-GCM
   * with the first (an `id` of 1–32 letters, digits, `_ -`; 32 bytes, also as base64), and opened with any of them;
   * `acceptPlain` also opens what was written before there were keys. Default: not sealed.
   */
  readonly sessionData?: {
    readonly maxBytes?: number;
    readonly keys?: readonly { readonly id: string; readonly key: Uint8Array | string }[];
    readonly acceptPlain?: boolean;
  };
  /** `'jwt'`: access tokens are JWTs, for others to read; the check with each request stays. Needs `jwt`, and the package jose. Default `'opaque'`. */
  readonly accessToken?: 'opaque' | 'jwt';
  /** With `accessToken: 'jwt'`: algorithm, issuer, audience and the key ring, all four required. */
  readonly jwt?: JwtOptions;

  /** Quotas by name, for `@RateLimit('name')`: where their numbers are settings. Default none. */
  readonly rateLimits?: Readonly<Record<string, Omit<RateLimitOptions, 'name'>>>;
  /** The names of those that hold for every guarded handler without a `@RateLimit` of its own. Default none. */
  readonly defaultRateLimits?: readonly string[];
  /**
   * How many well-formed tokens that nobody has a client IP (IPv6 by /64) may present before further ones get 429 instead
   * of 401; right ones pass all the same. Default 600 a minute; `false`: any number.
   */
  readonly failedTokens?: Omit<QuotaOptions, 'name'> | false;

  /**
   * Where requests may come from: the name of a list that `IpAllowlists` keeps, or CIDRs. `allow` must hold the client IP and
   * `deny` must not, for every handler that is not `@Public()`; those of `roles` must, for whoever has the role. Default none.
   */
  readonly ipPolicy?: {
    readonly allow?: string | readonly string[];
    readonly deny?: string | readonly string[];
    readonly roles?: Readonly<Record<string, string | readonly string[]>>;
  };

  /**
   * Streams and sockets that may be open at once on each node: per session 1–1,000, default 16; per user 1–10,000,
   * default 64.
   */
  readonly live?: { readonly maxConnectionsPerSession?: number; readonly maxConnectionsPerUser?: number };

  /** The permissions that each role brings, for `@Permissions`. Default none. */
  readonly permissions?: RolePermissions;
  /** For apps whose truth about users is in another database. Default: the repository itself is the truth. */
  readonly userDirectory?: UserDirectory;
  /** How long the `userDirectory` may take before a request that needs it is refused with 503. Default 2 seconds. */
  readonly userDirectoryTimeout?: Duration;
  /** With a `userDirectory`: how old a record may be before it is loaded again. Default 5 minutes; 0: never. */
  readonly maxStateAge?: Duration;

  /** The audit log: how long entries are kept (default 90 days), and how many of denials and failures at most (100–1,000,000, default 10,000). */
  readonly audit?: { readonly retention?: Duration; readonly maxDenials?: number };
}
