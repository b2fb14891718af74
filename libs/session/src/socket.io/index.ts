/**
 * socket.io whose sockets end with their session. Needs the packages @nestjs/websockets, @nestjs/platform-socket.io and
 * socket.io.
 * @module @latchkey/session/socket.io
 */
export { liveConnectionOf } from '../sockets/live-sockets.js';
export { SessionIoAdapter } from './session-io.adapter.js';
