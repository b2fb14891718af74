import { ERROR_CODES } from '../../model/error-codes.js';
import { SessionError } from '../../model/session-error.js';
import type { TransportSettings } from '../../options/settings.js';
import { headerOf, type NodeRequest } from './http.js';
import { ownOriginResolver } from './own-origin.js';

type OriginSettings = Pick<
  TransportSettings,
  'publicOrigin' | 'allowedOrigins' | 'trustProxy' | 'forwardedHeader'
>;

/** The methods that change nothing (RFC 9110 §9.2.1), and so may come from another origin with a cookie. */
const SAFE_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** So much of an origin is told to whoever sent it. */
const LONGEST_ORIGIN = 100;

/** Whether a method changes nothing: the cross-origin rule leaves it alone. */
export function isSafeMethod(method: string | undefined): boolean {
  return SAFE_METHODS.has(method);
}

/** The cross-origin rule, for whatever carries or is about to set a cookie of ours. */
export class OriginRule {
  private readonly allowed: ReadonlySet<string>;
  private readonly ownOriginOf: (request: NodeRequest) => string | undefined;

  constructor(settings: OriginSettings) {
    this.allowed = new Set(settings.allowedOrigins);
    this.ownOriginOf = ownOriginResolver(settings);
  }

  /**
   * Whether a page of our own origin or of an allowed one sent the request, or something that is no browser. Where
   * `Sec-Fetch-Site` is sent, only `same-origin` is ours; else `Origin` decides. No browser leaves out both on an unsafe
   * method. `same-site`, `none` and an `Origin` of `null` are foreign.
   */
  admits(request: NodeRequest): boolean {
    const fetchSite = headerOf(request.headers, 'sec-fetch-site');
    if (fetchSite === 'same-origin') return true;
    const origin = headerOf(request.headers, 'origin');
    if (origin !== undefined && this.allowed.has(origin)) return true;
    if (fetchSite !== undefined) return false;
    return origin === undefined || origin === this.ownOriginOf(request);
  }

  /** @throws SessionError `cross_origin`, whatever the method: a handshake is a `GET` */
  assert(request: NodeRequest): void {
    if (!this.admits(request)) throw this.refusalOf(request);
  }

  /** @throws SessionError `cross_origin` for an unsafe method */
  assertIfUnsafe(request: NodeRequest): void {
    if (!isSafeMethod(request.method)) this.assert(request);
  }

  /** Developers are told what would help; in production nobody is told more than that. */
  private refusalOf(request: NodeRequest): SessionError {
    const origin = headerOf(request.headers, 'origin');
    if (process.env['NODE_ENV'] === 'production' || !origin || origin === 'null')
      return new SessionError('cross_origin');
    const [theirs, ours] = [origin.slice(0, LONGEST_ORIGIN), this.ownOriginOf(request) ?? 'unknown'];
    const detail = `${ERROR_CODES.cross_origin.title}: '${theirs}' is not in the option allowedOrigins (our own is '${ours}')`;
    return new SessionError('cross_origin', { detail });
  }
}
