/**
 * For filters and replies of your own: problem documents, their headers, and the parts of a request and a response.
 * @module @latchkey/session/http
 */
export { ProblemFilter } from '../guard/problem.filter.js';
export { deniedSessionOf, problemHeaders, toProblem, type Problem } from '../guard/problem.js';
export type { DeniedSession } from '../model/error-codes.js';
export type { SessionErrorDetails } from '../model/session-error.js';
export type { FastifyLikeReply, NodeRequest, NodeResponse } from '../contexts/http/http.js';
export { isSessionId } from '../token/session-token.js';
export { quotaHeaders } from '../contexts/http/quota-headers.js';
