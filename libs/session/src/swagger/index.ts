/**
 * OpenAPI documents that say what the guards enforce. Needs the package @nestjs/swagger.
 * @module @latchkey/session/swagger
 */
export { documentSessions } from './document-sessions.js';
