import type { IncomingMessage } from 'node:http';
import { SessionError } from '../../model/session-error.js';
import type { TransportSettings } from '../../options/settings.js';
import { type Credentials, readCredentials } from '../http/credentials.js';
import type { IoConnection, IoSocket } from './io.js';

/**
 * The token of a client that joins a namespace: `auth.token`, or as any request brings it, in the cookie or in
 * `Authorization: Bearer`. A page can set no header, so `auth.token` is its way to what a bearer token is elsewhere.
 * @throws SessionError `ambiguous_credentials` for two of them; `cross_origin` for JSONP with the cookie
 */
export function readIoCredentials(
  request: IncomingMessage,
  auth: unknown,
  settings: TransportSettings,
): Credentials {
  const credentials = readCredentials(request, settings);
  // JSONP comes by a script tag, which any page may have and old browsers say nothing of.
  if (credentials.transport === 'cookie' && new URLSearchParams(queryOf(request)).has('j'))
    throw new SessionError('cross_origin');
  const token = settings.bearerEnabled ? tokenIn(auth) : undefined;
  if (token === undefined) return credentials;
  if (credentials.transport !== undefined) throw new SessionError('ambiguous_credentials');
  return { token, transport: 'bearer' };
}

/** What engine.io reads its options from, names in percent-encoding included. */
function queryOf({ url = '' }: IncomingMessage): string {
  return url.slice(url.indexOf('?') + 1);
}

/** As it was sent; empty for what is no text, and so can be no token. */
function tokenIn(auth: unknown): string | undefined {
  if (typeof auth !== 'object' || auth === null || !Object.hasOwn(auth, 'token')) return undefined;
  const { token } = auth as { token: unknown };
  if (token === undefined || token === null) return undefined;
  return typeof token === 'string' ? token : '';
}

/**
 * Takes the credentials out of a socket's handshake: adapters send it to other nodes, by Redis for one, whenever somebody
 * calls `fetchSockets()`.
 * @param isTokenOurs whether `auth.token` was read, and is none of the app's own
 */
export function forgetCredentials(
  { handshake }: IoSocket,
  { cookieName }: TransportSettings,
  isTokenOurs: boolean,
): void {
  const { authorization: _, cookie, ...headers } = handshake.headers;
  const others = cookie === undefined ? '' : withoutCookie(cookie, cookieName);
  const { token: __, ...auth } = Object(handshake.auth) as Record<string, unknown>;
  Object.assign(handshake, { headers: others === '' ? headers : { ...headers, cookie: others } });
  if (isTokenOurs) Object.assign(handshake, { auth });
}

function withoutCookie(header: string, name: string): string {
  return header
    .split(';')
    .filter((pair) => !pair.trimStart().startsWith(`${name}=`))
    .join(';');
}

/**
 * The request that a connection began with, for as long as that lasts: with polling, its own TCP connection may end long
 * before, and nobody would know where the client is.
 * @returns `undefined` for WebTransport, which brings none
 */
export function handshakeRequestOf({ request }: IoConnection): IncomingMessage | undefined {
  if (!request) return undefined;
  const { remoteAddress, encrypted } = request.socket as { remoteAddress?: string; encrypted?: boolean };
  return Object.create(request, { socket: { value: { remoteAddress, encrypted } } }) as IncomingMessage;
}
