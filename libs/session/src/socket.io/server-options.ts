import { SessionConfigurationError } from '../model/session-error.js';

const MAX_MESSAGE_BYTES = 16 * 1024;

/** What is safe where the gateway says nothing else. */
export const SAFE_DEFAULTS = {
  maxHttpBufferSize: MAX_MESSAGE_BYTES,
  // Namespaces of a regular expression come to be by their name, also for a client that is refused.
  cleanupEmptyChildNamespaces: true,
} as const;

/** What cannot be served, and why. */
const REFUSED: readonly (readonly [
  option: string,
  isRefused: (value: unknown) => boolean,
  reason: string,
])[] = [
  [
    'connectionStateRecovery',
    Boolean,
    'is not served: socket.io would send a client what it missed before its session is checked. Remove it, and let clients ' +
      'ask for what they missed once they are connected',
  ],
  [
    'transports',
    (value) => Array.isArray(value) && value.includes('webtransport'),
    "has 'webtransport', which brings neither cookie nor client IP: leave 'polling' and 'websocket'",
  ],
];

/** @throws SessionConfigurationError for an option that would let something past the check */
export function assertServable(options: Readonly<Record<string, unknown>>): void {
  for (const [option, isRefused, reason] of REFUSED)
    if (isRefused(options[option])) throw new SessionConfigurationError(option, reason);
}
