/**
 * For connections of your own that end with their session, and what clients of any connection are told at its end.
 * @module @latchkey/session/live
 */
export type { ConnectionEnd, EndCode } from '../live/connection-end.js';
export type { Delivery } from '../live/held-back.js';
export type { LiveConnection } from '../live/live-connection.js';
export { LiveConnections, type LiveCandidate } from '../live/live-connections.js';
