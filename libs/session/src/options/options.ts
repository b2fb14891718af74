// Over 250 lines: every option with its meaning, range, default and source. docs/options.md is made from it.
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import type { Clock } from '../basics/clock.js';
import type { Duration } from '../basics/duration.js';
import type { UserDirectory } from '../model/user-state.js';
import type { LifetimeOption } from '../rules/lifetime.js';
import type { QuotaOptions, RateLimitOptions } from '../rules/quota-options.js';
import type { RolePermissions } from '../rules/roles.js';
import type { ContextReader } from './context-reader.js';
import type { JwtOptions } from './jwt-options.js';

/**
 * Options of `SessionModule.forRoot()` and of the factory of `forRootAsync()`. All are optional. Without any, sessions
 * live in this process's memory. The module checks them once, at boot: an option that cannot work stops the app with a
 * `SessionConfigurationError` that names it.
 *
 * Leave an option out to get its default. One that is present but `null` or `undefined`, at any depth, also stops the
 * app: it looks like a missing setting. `undefined` counts as left out only where the default is the strict choice:
 * `commandTimeoutMs`, `allowMemoryInProduction`, `clock`, `publicOrigin`, `allowedOrigins`, `cookie.name`, `accessToken`, `jwt`,
 * `jwt.clockTolerance`, `permissions`, `userDirectoryTimeout`. `redis` has a rule of its own.
 *
 * Beside these, `forRoot()` and `forRootAsync()` take `isGlobal`, by default true: every module can use the services
 * and the guard without importing `SessionModule`.
 * @publicApi
 */
export interface SessionModuleOptions {
  /**
   * Where sessions live: a `redis://` or `rediss://` URL, ioredis options with `host`, `port`, `path`, `sentinels` or `cluster`
   * (some nodes of a Redis Cluster), or the app's own ioredis `Redis` or `Cluster`. The module closes the client that it opened, and never yours. Set
   * yours up with `redisClientOptions()`. In a URL, encode the password with `encodeURIComponent()`. `undefined` means
   * memory, with a warning; with `NODE_ENV=production` it stops the app even under `allowMemoryInProduction`.
   * @defaultValue this process's memory
   */
  readonly redis?:
    | string
    | URL
    | RedisOptions
    | (RedisOptions & { readonly cluster: readonly { readonly host: string; readonly port: number }[] })
    | Redis
    | Cluster;
  /**
   * Prefix for all keys, so that the Redis can be shared: 1–64 letters, digits, `: . _ -`.
   * @defaultValue `'lk'`
   */
  readonly keyPrefix?: string;
  /**
   * Longest wait for Redis before a request gets 503, in milliseconds, 10–10,000. The default leaves time to answer
   * within 250 ms. A call that depends on an earlier one has a timeout of its own.
   * @defaultValue `180`
   */
  readonly commandTimeoutMs?: number;
  /**
   * Replicas that the Redis primary, or each primary of a Cluster, is set up with, 1–16: for `durability`.
   * @defaultValue none: no act can wait for replicas
   */
  readonly replicas?: number;
  /**
   * When `block`, `setRoles`, `grant`, `withdraw`, `setIpAllowlist`, `revokeAll` and `IpAllowlists.set` resolve: once Redis has the
   * change in memory, or (`'all-replicas'`, which needs `replicas`) once each replica has it, so that no failover undoes it. Where a
   * replica does not confirm within `commandTimeoutMs`, they reject with `not_durable`: the change is in force. Redis documents
   * this as `WAIT`. Each call may also say it by itself. Behind Sentinels, `'memory'` waits for the replicas that are connected,
   * and rejects for 3 s after one was lost: it may have been promoted.
   * @defaultValue `'memory'`
   */
  readonly durability?: 'memory' | 'all-replicas';
  /**
   * Answer checks from this process's memory, for `leaseMs` at most: as fast as verifying a JWT, and still no answer outlives an
   * act such as `block()`, which waits until each near cache has given back what it kept of the user (milliseconds; at worst
   * `leaseMs`, where a process does not answer). Processes without the option wait as well. Requests with quotas by user (but see `batch` in `RateLimitOptions`) or with session data, live
   * connections and `@FreshState()` ask Redis. In memory storage it changes nothing.
   * `leaseMs`: 100–10,000, default 2,000. `maxEntries`: answers that are kept, 0–1,000,000, default 10,000 (1–2 KB each).
   * @defaultValue off
   */
  readonly nearCache?: boolean | { readonly leaseMs?: number; readonly maxEntries?: number };
  /**
   * Allow in-memory sessions with `NODE_ENV=production`; otherwise boot fails. Silences the warning.
   * @defaultValue `false`
   */
  readonly allowMemoryInProduction?: boolean;
  /**
   * Clock of the in-memory repository, for tests. Refused with `redis`, which has its own.
   * @defaultValue the system's clock
   */
  readonly clock?: Clock;

  /**
   * `'global'` guards every handler that is not `@Public()`.
   * @defaultValue only handlers with `@UseGuards(SessionGuard)`
   */
  readonly guard?: 'global';
  /**
   * Refuse to boot when a handler of HTTP, WebSocket, GraphQL or a microservice is neither `@Public()` nor behind a
   * `SessionGuard` (WebSocket: `SessionWsAdapter` or `SessionIoAdapter`). Requirements that nothing enforces stop the app in any case.
   * @defaultValue `false`
   */
  readonly strict?: boolean;
  /**
   * Where the guard looks for a token: the session cookie, `Authorization: Bearer` (RFC 6750), or either.
   * @defaultValue `['cookie', 'bearer']`
   */
  readonly transports?: readonly ('cookie' | 'bearer')[];
  /** The session cookie. Its other attributes are fixed: `HttpOnly; Secure; Path=/`, without `Domain`. */
  readonly cookie?: {
    /**
     * Name of the cookie: `__Host-`, then 1–64 letters, digits, `. _ -`. The prefix keeps subdomains from planting the
     * cookie (RFC 6265bis §4.1.3.2).
     * @defaultValue `'__Host-session'`
     */
    readonly name?: string;
    /**
     * `SameSite` of the cookie (RFC 6265bis §4.1.2.7). `'strict'` also withholds it when a link of another site leads
     * here. `'none'` is for pages of another *site* in `allowedOrigins`, which it needs: `SameSite=None; Partitioned`
     * (CHIPS). Its price: browsers send the cookie with requests that other sites cause, so that `allowedOrigins` alone
     * keeps them out; each site that embeds the API has a session of its own; browsers without CHIPS drop the cookie or
     * share it among sites.
     * @defaultValue `'lax'`
     */
    readonly sameSite?: 'lax' | 'strict' | 'none';
  };
  /**
   * Contexts besides HTTP, WebSocket, GraphQL and microservices that `SessionGuard` is to serve: where the credentials of
   * their calls are. The guard stands before their handlers, or before their class.
   * @defaultValue none: `SessionGuard` lets only `@Public()` handlers through there
   */
  readonly contexts?: readonly ContextReader[];
  /**
   * The origin that browsers see, such as `https://app.example`. Set it when TLS ends at a proxy: the cross-origin
   * check compares `Origin` with it where a browser sends no `Sec-Fetch-Site`.
   * @defaultValue the request's own origin; behind `trustProxy`, of `X-Forwarded-Proto` and `-Host` (or `Forwarded`)
   */
  readonly publicOrigin?: string;
  /**
   * Other origins whose pages may send the cookie with unsafe requests and WebSocket handshakes, such as
   * `https://app.example` or `capacitor://localhost`: scheme, host and port, compared exactly. No wildcards, no `null`.
   * Each of them can do what its user can do. To read replies they also need `enableCors({ origin, credentials: true })`.
   * @defaultValue `[]`: the API's own origin only
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * Proxies that are trusted to report the client IP: the number of hops, 0–32, or their addresses as CIDRs. The header
   * is read from the right; the first address that is not a trusted proxy is the client IP.
   * @defaultValue none: the peer of the connection is the client
   */
  readonly trustProxy?: number | readonly string[];
  /**
   * The one header in which trusted proxies report the client IP: `x-forwarded-for`, `forwarded` (RFC 7239),
   * `x-real-ip` or another name. Any but the default needs `trustProxy`.
   * @defaultValue `'x-forwarded-for'`
   */
  readonly forwardedHeader?: 'x-forwarded-for' | 'forwarded' | 'x-real-ip' | (string & {});

  /**
   * Session lifetime: a preset or two timeouts. Presets after NIST SP 800-63B-4 §2.1.3–2.3.3, inactivity and absolute:
   * `'aal1'` 14 d, 30 d · `'aal2'` 1 h, 24 h · `'aal3'` 15 min, 12 h.
   * @defaultValue `'aal2'`
   */
  readonly lifetime?: LifetimeOption;
  /**
   * Lifetime of sessions that were created with `rememberMe`.
   * @defaultValue `'aal1'`
   */
  readonly rememberMeLifetime?: LifetimeOption;
  /**
   * Stricter lifetimes by role. They hold while the user has the role, also for sessions that began before.
   * @defaultValue none
   */
  readonly roleLifetimes?: Readonly<Record<string, LifetimeOption>>;
  /**
   * Shortest time between two writes of a session's last activity. At most a twentieth of the inactivity timeout is
   * used, so a session ends at most 5 % of that timeout too early.
   * @defaultValue `'1m'`
   */
  readonly touchInterval?: Duration;
  /**
   * Tell clients when their session will time out unless the user does something: `Session-Expires` on what the guard
   * lets in, in seconds. So a page can warn, and ask a `@Passive()` route how long there is. On another origin a page reads
   * it only when CORS exposes it.
   * @defaultValue `false`
   */
  readonly sessionExpiresHeader?: boolean;
  /**
   * Live sessions that a user may have, 1–10,000. Exact under parallel logins.
   * @defaultValue `100`
   */
  readonly maxSessionsPerUser?: number;
  /**
   * Effect of a login over `maxSessionsPerUser`: `'evict-oldest'` ends the oldest session; `'reject'` fails with 409
   * `session_limit_reached`.
   * @defaultValue `'evict-oldest'`
   */
  readonly onSessionLimit?: 'evict-oldest' | 'reject';

  /**
   * Sessions before login, for carts and counters: `SessionService.createGuest()` and `@AllowGuests()`. `true` takes the
   * defaults below. When off, there is nobody but users.
   * @defaultValue off
   */
  readonly guests?:
    | boolean
    | {
        /**
         * Lifetime of a guest's session, as for `lifetime`. All that Redis keeps of a guest goes with the absolute timeout.
         * @defaultValue `{ inactivityTimeout: '1d', absoluteTimeout: '7d' }`
         */
        readonly lifetime?: LifetimeOption;
        /**
         * Limit on guests that a client IP begins (IPv6: per /64); over it, 429 `rate_limited`. Clients whose IP is not known
         * share one. `false`: no limit.
         * @defaultValue `{ quota: 60, window: '1h' }`
         */
        readonly perIp?: Omit<QuotaOptions, 'name'> | false;
      };

  /**
   * Short access tokens, and rotating refresh tokens that get new ones (RFC 9700 §4.14.2). `true` takes the defaults
   * below. When off, a token lives as long as its session.
   * @defaultValue off
   */
  readonly refresh?:
    | boolean
    | {
        /**
         * Lifetime of an access token, 1 ms–24 h. It never outlives its session.
         * @defaultValue `'10m'`
         */
        readonly accessTokenTtl?: Duration;
        /**
         * How long a used refresh token gets the same new tokens again, 0–60 s: for parallel requests and lost replies.
         * It ends early when the new refresh token is used. `0`: never.
         * @defaultValue `'10s'`
         */
        readonly grace?: Duration;
        /**
         * Path of the app's refresh route, with the global prefix and the version. Browsers send the refresh cookie
         * only there. Boot fails when the route is served elsewhere.
         * @defaultValue `'/auth/refresh'`
         */
        readonly cookiePath?: string;
      };

  /** The JSON object that an app keeps in a session. */
  readonly sessionData?: {
    /**
     * Largest data of one session, in bytes of JSON, 2–1,048,576.
     * @defaultValue `8192`
     */
    readonly maxBytes?: number;
    /**
     * Keys that seal the data with AES-256-GCM (NIST SP 800-38D). The first seals, every one opens. `id`: 1–32 letters,
     * digits, `_ -`. `key`: 32 bytes, or base64 of them.
     * @defaultValue none: data is stored as JSON
     */
    readonly keys?: readonly { readonly id: string; readonly key: Uint8Array | string }[];
    /**
     * Also open data that was stored before there were `keys`. While it is on, anyone who can write to Redis can forge
     * session data.
     * @defaultValue `false`
     */
    readonly acceptPlain?: boolean;
  };
  /**
   * Form of access tokens. `'jwt'`: signed JWTs (RFC 7519) that other services can read; needs `jwt` and the package
   * jose. Every request still takes the same check.
   * @defaultValue `'opaque'`
   */
  readonly accessToken?: 'opaque' | 'jwt';
  /**
   * Algorithm, issuer, audience and keys of `accessToken: 'jwt'`; refused without it.
   * @defaultValue none
   */
  readonly jwt?: JwtOptions;

  /**
   * Quotas by name, for `@RateLimit('name')`: for numbers that are settings.
   * @defaultValue none
   */
  readonly rateLimits?: Readonly<Record<string, Omit<RateLimitOptions, 'name'>>>;
  /**
   * Names in `rateLimits` that hold for every guarded handler without a `@RateLimit` of its own.
   * @defaultValue none
   */
  readonly defaultRateLimits?: readonly string[];
  /**
   * Limit on unknown but well-formed tokens per client IP (IPv6: per /64). Further ones get 429 instead of 401. Valid
   * tokens are unaffected. `false`: no limit.
   * @defaultValue `{ quota: 600, window: '1m' }`
   */
  readonly failedTokens?: Omit<QuotaOptions, 'name'> | false;

  /** Where requests may come from: lists of CIDRs, or names of lists that `IpAllowlists` keeps. */
  readonly ipPolicy?: {
    /**
     * The client IP must be in it, for every handler that is not `@Public()`.
     * @defaultValue none
     */
    readonly allow?: string | readonly string[];
    /**
     * The client IP must not be in it, for every handler that is not `@Public()`.
     * @defaultValue none
     */
    readonly deny?: string | readonly string[];
    /**
     * By role: the client IP of a user who has the role must be in the list.
     * @defaultValue none
     */
    readonly roles?: Readonly<Record<string, string | readonly string[]>>;
  };

  /** Limits on streams and sockets that are open at once, on each node. */
  readonly live?: {
    /**
     * Open connections of one session, 1–1,000.
     * @defaultValue `16`
     */
    readonly maxConnectionsPerSession?: number;
    /**
     * Open connections of one user, 1–10,000.
     * @defaultValue `64`
     */
    readonly maxConnectionsPerUser?: number;
  };

  /**
   * Permissions of each role, for `@Permissions`.
   * @defaultValue none
   */
  readonly permissions?: RolePermissions;
  /**
   * Loads a user's roles and block from the app's own database, for apps whose truth about users lives there.
   * @defaultValue none: the repository is the truth
   */
  readonly userDirectory?: UserDirectory;
  /**
   * Longest wait for the `userDirectory` before a request that needs it gets 503.
   * @defaultValue `'2s'`
   */
  readonly userDirectoryTimeout?: Duration;
  /**
   * Age at which a user's record is loaded from the `userDirectory` again. `0`: never. A record from before Redis was restarted
   * or replaced is loaded again whatever its age.
   * @defaultValue `'5m'`
   */
  readonly maxStateAge?: Duration;

  /** The audit log. */
  readonly audit?: {
    /**
     * How long entries are kept, at least 1 h.
     * @defaultValue `'90d'`
     */
    readonly retention?: Duration;
    /**
     * Most acts that are kept, 1,000–10,000,000, but for routine ones. Older ones are dropped first. In memory: 10,000 at most.
     * @defaultValue `100000`
     */
    readonly maxActs?: number;
    /**
     * Most routine acts, such as logins, that are kept, 100–10,000,000. Older ones are dropped first. In memory: 10,000 at most.
     * @defaultValue `100000`
     */
    readonly maxRoutine?: number;
    /**
     * Most denials and failures that are kept, 100–1,000,000. Older ones are dropped first.
     * @defaultValue `10000`
     */
    readonly maxDenials?: number;
  };
}
