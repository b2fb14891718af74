export { liveConnectionOf, SessionWsAdapter } from './session-ws.adapter.js';
