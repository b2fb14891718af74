/**
 * WebSockets that end with their session. Needs the packages @nestjs/websockets, @nestjs/platform-ws and ws.
 * @module @latchkey/session/ws
 */
export { liveConnectionOf } from '../sockets/live-sockets.js';
export { SessionWsAdapter } from './session-ws.adapter.js';
export type { WsServer, WsSocket } from '../contexts/ws/ws.js';
