import type { IncomingMessage } from 'node:http';
import type { MercuriusHooks } from './hooks.js';

/** As graphql-ws does by itself. */
export const INIT_WAIT_MS = 3_000;

/** Gives each client a while from its handshake on to say who it is. */
export function initDeadline(
  hasBegun: (handshake: IncomingMessage) => boolean,
  waitMs: number,
): MercuriusHooks['verifyClient'] {
  return ({ req }, allow) => {
    const timer = setTimeout(() => void (hasBegun(req) || req.socket.destroy()), waitMs).unref();
    req.socket.once('close', () => clearTimeout(timer));
    allow(true);
  };
}
