import type { IncomingMessage } from 'node:http';
import { bearerToken } from '../contexts/http/bearer.js';
import type { NodeRequest } from '../contexts/http/http.js';
import { SessionError } from '../model/session-error.js';

/**
 * The handshake with what `connection_init` brought: browsers can set no headers on a WebSocket.
 * @throws SessionError `ambiguous_credentials` where both bring an `authorization`
 */
export function handshakeWith(handshake: IncomingMessage, params: unknown): NodeRequest {
  const authorization = authorizationIn(params);
  if (authorization === undefined) return handshake;
  const { headers, method, socket } = handshake;
  if (headers.authorization !== undefined) throw new SessionError('ambiguous_credentials');
  return { headers: { ...headers, authorization }, method, socket };
}

/** The token in the payload of a message; `undefined` for none. */
export function tokenIn(payload: unknown): string | undefined {
  return bearerToken(authorizationIn(payload));
}

/** Clients write it as a header: in any case, and some below `headers`. */
function authorizationIn(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const entries = Object.entries(payload);
  const found = entries.find(([name]) => name.toLowerCase() === 'authorization');
  if (found) return typeof found[1] === 'string' ? found[1] : '';
  const headers: unknown = entries.find(([name]) => name === 'headers')?.[1];
  return authorizationOf(headers);
}

function authorizationOf(headers: unknown): string | undefined {
  const isRecord = typeof headers === 'object' && headers !== null && !('headers' in headers);
  return isRecord ? authorizationIn(headers) : undefined;
}
