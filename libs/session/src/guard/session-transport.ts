import { Inject, Injectable } from '@nestjs/common';
import { fieldsOf, type Inputs, object, text, wrong } from '../basics/inputs.js';
import { SessionError } from '../model/session-error.js';
import type { Device, Session } from '../model/session.js';
import { clientIpResolver } from '../contexts/http/client-ip.js';
import {
  headerOf,
  nodeRequestOf,
  setCookieHeader,
  setHeader,
  type HttpRequest,
  type HttpResponse,
  type NodeRequest,
} from '../contexts/http/http.js';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import type { IssuedSession } from '../services/sessions/session-types.js';
import type { SessionSettings, TransportSettings } from '../options/settings.js';
import {
  clearingCookie,
  cookieValues,
  REFRESH_COOKIE,
  refreshCookie,
  sessionCookie,
} from '../contexts/http/cookie.js';
import { readCredentials, type Credentials } from '../contexts/http/credentials.js';
import { OriginRule } from '../contexts/http/cross-origin.js';
import { readRefreshCredentials, type RefreshCredentials } from '../contexts/http/refresh-credentials.js';
import { type Clearing, offerWayOut } from '../contexts/http/way-out.js';

type Issued = Pick<IssuedSession, 'token' | 'refreshToken' | 'session'>;
const ISSUED: Inputs<Issued> = {
  token: text,
  refreshToken: text,
  session: (value, name) => object(value, name) as Session,
};

/**
 * How tokens travel over HTTP, on Express and Fastify: for login and logout handlers. Requests and responses are
 * those that Nest hands out.
 * @example
 * ```ts
 * const login = async (userId: string, request: HttpRequest, response: HttpResponse) => {
 *   const issued = await sessions.create(userId, { device: transport.deviceOf(request, 'laptop') });
 *   transport.setCookie(request, response, issued);
 * };
 * ```
 * @publicApi
 */
@Injectable()
export class SessionTransport {
  private readonly settings: TransportSettings;
  private readonly origins: OriginRule;
  private readonly resolveClientIp: (request: NodeRequest) => string | undefined;

  /** @internal */
  constructor(@Inject(SESSION_SETTINGS) { transport }: Pick<SessionSettings, 'transport'>) {
    this.settings = transport;
    this.origins = new OriginRule(transport);
    this.resolveClientIp = clientIpResolver(transport);
  }

  /**
   * The cross-origin rule, for a handler that is about to set a cookie: call it before a login costs anything. Pages of
   * `allowedOrigins` count as our own.
   * @throws SessionError `cross_origin` for an unsafe method that a page of another origin sent
   */
  assertSameOrigin(request: HttpRequest): void {
    this.origins.assertIfUnsafe(nodeOf(request));
  }

  /**
   * The cross-origin rule whatever the method, for a handshake of your own: a `GET` that opens a connection with the
   * cookie. `SessionWsAdapter` and `SessionIoAdapter` apply it by themselves.
   * @throws SessionError `cross_origin` for a page of an origin that is neither ours nor in `allowedOrigins`
   * @example
   * ```ts
   * server.on('upgrade', (request) => {
   *   transport.assertOrigin(request);
   *   const token = transport.readToken(request);
   * });
   * ```
   */
  assertOrigin(request: HttpRequest): void {
    this.origins.assert(nodeOf(request));
  }

  /**
   * Hands tokens to a browser in cookies, to be kept as long as the session may live at most; a refresh token, if there
   * is one, in a cookie of its own.
   * @throws SessionError `cross_origin` as `assertSameOrigin` does
   */
  setCookie(
    request: HttpRequest,
    response: HttpResponse,
    issued: Pick<IssuedSession, 'token' | 'refreshToken' | 'session'>,
  ): void {
    this.assertSameOrigin(request);
    assertResponse(response);
    const { token, refreshToken, session } = fieldsOf(issued, 'issued', ISSUED);
    // Both instants are the repository's: its clock may differ from this process's.
    const maxAge = Math.ceil((session?.absoluteExpiresAt - session?.lastSeenAt) / 1_000);
    if (token === undefined || !Number.isFinite(maxAge)) throw wrong('issued', 'what create() gave', issued);
    this.writeCookie(response, sessionCookie(token, maxAge, this.settings));
    if (refreshToken !== undefined) this.writeRefreshCookie(response, refreshToken, maxAge);
  }

  /** Takes the cookies back, at logout. */
  clearCookie(response: HttpResponse): void {
    assertResponse(response);
    this.writeCookie(response, clearingCookie(this.settings));
    this.writeRefreshCookie(response, '', 0);
  }

  /**
   * The token that a request carries, as the guard reads it; `undefined` for none.
   * @throws SessionError `ambiguous_credentials`, `cross_origin`
   */
  readToken(request: HttpRequest): string | undefined {
    return this.credentialsOf(request).token;
  }

  /**
   * What a request for new tokens presents, for `SessionService.refresh`. With cookies, the cross-origin rule holds.
   * @param inBody the refresh token in its body, if there is one
   * @throws SessionError `ambiguous_credentials`, `cross_origin`
   */
  readRefreshToken(request: HttpRequest, inBody?: string): RefreshCredentials {
    const node = nodeOf(request);
    // What is no text can be no token; but something was sent.
    const sent = inBody === undefined || typeof inBody === 'string' ? inBody : '';
    try {
      const credentials = readRefreshCredentials(node, sent, this.settings);
      if (credentials.transport === 'cookie') this.origins.assertIfUnsafe(node);
      return credentials;
    } catch (error) {
      throw this.withWayOut(error, node);
    }
  }

  /** The client IP in canonical form; `undefined` when it is not to be known. See the option `trustProxy`. */
  clientIp(request: HttpRequest): string | undefined {
    return this.resolveClientIp(nodeOf(request));
  }

  /** The device behind a login, for `SessionService.create`. */
  deviceOf(request: HttpRequest, name = ''): Device {
    const userAgent = headerOf(nodeOf(request).headers, 'user-agent') ?? '';
    return { name: text(name, 'device.name'), userAgent, ip: this.clientIp(request) ?? '' };
  }

  /** @param isUnsafe whatever the method says @internal */
  credentialsOf(request: HttpRequest, isUnsafe = false): Credentials {
    const node = nodeOf(request);
    try {
      const credentials = readCredentials(node, this.settings);
      if (credentials.transport !== 'cookie') return credentials;
      if (isUnsafe) this.origins.assert(node);
      else this.origins.assertIfUnsafe(node);
      return credentials;
    } catch (error) {
      throw this.withWayOut(error, node);
    }
  }

  /** Whether `tellExpiry` has anything to say. @internal */
  get tellsExpiry(): boolean {
    return this.settings.sessionExpiresHeader;
  }

  /** `Session-Expires`: the seconds until the session times out, unless there is activity. @internal */
  tellExpiry(response: HttpResponse, { expiresAt }: Pick<Session, 'expiresAt'>, now: number): void {
    // Rounded down: a page that acts just before it is in time.
    const seconds = Math.max(Math.floor((expiresAt - now) / 1_000), 0);
    setHeader(response, 'Session-Expires', String(seconds));
  }

  /**
   * Scripts cannot delete a stale cookie of ours that stands beside their bearer token: the refusal does, if their page is
   * ours. A foreign one must not log anybody out.
   */
  private withWayOut(error: unknown, request: NodeRequest): unknown {
    const isStuck = error instanceof SessionError && error.code === 'ambiguous_credentials';
    if (isStuck && this.origins.admits(request)) offerWayOut(error, this.clearingsFor(request));
    return error;
  }

  private clearingsFor(request: NodeRequest): Clearing[] {
    const { cookieName } = this.settings;
    const header = headerOf(request.headers, 'cookie');
    const clearings: Clearing[] = [];
    if (cookieValues(header, cookieName).length > 0)
      clearings.push([cookieName, clearingCookie(this.settings)]);
    const cleared = refreshCookie('', 0, this.settings);
    if (cleared !== undefined && cookieValues(header, REFRESH_COOKIE).length > 0)
      clearings.push([REFRESH_COOKIE, cleared]);
    return clearings;
  }

  private writeRefreshCookie(response: HttpResponse, token: string, maxAge: number): void {
    const cookie = refreshCookie(token, maxAge, this.settings);
    if (cookie !== undefined) setCookieHeader(response, REFRESH_COOKIE, cookie);
  }

  private writeCookie(response: HttpResponse, cookie: string): void {
    setCookieHeader(response, this.settings.cookieName, cookie);
    setHeader(response, 'Cache-Control', 'no-store');
  }
}

function nodeOf(request: HttpRequest): NodeRequest {
  const node = nodeRequestOf(request);
  if (typeof node.headers !== 'object') throw wrong('request', 'a request as Nest hands it out', request);
  return node;
}

function assertResponse(response: HttpResponse): void {
  const { getHeader } = Object(response) as { getHeader?: unknown };
  if (typeof getHeader !== 'function') throw wrong('response', 'a response as Nest hands it out', response);
}
