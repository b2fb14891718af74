/**
 * The module, the guard and its decorators, and the services. Subpaths have what fewer apps need.
 * @module @latchkey/session
 */
export { AuditLog } from './audit/audit-log.js';
export type {
  DataChangeOptions,
  DataPatch,
  SessionDataHandle,
  SessionDataState,
} from './data/session-data-handle.js';
export {
  AllowExpired,
  Assurance,
  CurrentSession,
  CurrentUser,
  EnforcesAccess,
  Fresh,
  IpAllowlist,
  IpDenylist,
  OptionalSession,
  Permissions,
  Public,
  RateLimit,
  Roles,
  SessionData,
} from './guard/decorators.js';
export { PolicyManifest, type PolicyEntry } from './guard/policy-manifest.js';
export { authenticatedSessionOf } from './guard/request-access.js';
export { SessionGuard } from './guard/session.guard.js';
export { SessionTransport } from './guard/session-transport.js';
export type { EventStream } from './live/event-stream.js';
export { EventStreams } from './live/event-streams.js';
export type { Clock } from './model/clock.js';
export { withDeadline } from './model/deadline.js';
export type { Duration } from './model/duration.js';
export type { RevocationReceipt } from './model/revocation-receipt.js';
export { SessionConfigurationError, SessionError, type SessionErrorCode } from './model/session-error.js';
export type {
  EventDevice,
  IpListEvent,
  SessionEvent,
  SessionEventName,
  UserEvent,
  UserEventName,
} from './model/session-event.js';
export type { JsonObject, JsonValue } from './model/session-data.js';
export type { AssuranceLevel, Device, EndReason, Session } from './model/session.js';
export type { Block, DirectoryUser, UserDirectory, UserState } from './model/user-state.js';
export type { HttpRequest, HttpResponse, StreamableResponse } from './platform/http.js';
export { ipPartition } from './platform/ip-address.js';
export type { RefreshCredentials } from './transport/refresh-credentials.js';
export { LIFETIME_PRESETS, type LifetimeOption } from './policy/lifetime.js';
export type { RolePermissions } from './policy/roles.js';
export type { QuotaResult } from './model/quota.js';
export type { QuotaOptions, RateLimitOptions } from './rate-limit/rate-limit-options.js';
export {
  OneTimeTokens,
  type ConsumedOneTimeToken,
  type ConsumeOptions,
  type IssuedOneTimeToken,
  type OneTimeTokenOptions,
} from './one-time-tokens.service.js';
export { RateLimiter, type RateLimitShare } from './rate-limiter.service.js';
export { redisClientOptions } from './redis/connection.js';
export { SessionEvents, type EventEmitterLike, type SessionEventListener } from './session-events.service.js';
export {
  IpAllowlists,
  type IpList,
  type IpListOptions,
  type IpListReceipt,
} from './ip-allowlists.service.js';
export { SessionModule } from './session.module.js';
export type { SessionModuleOptions } from './session.options.js';
export {
  SessionService,
  type AuthenticatedSession,
  type CreateSessionOptions,
  type IssuedSession,
  type RefreshOptions,
  type ReplaceTokenOptions,
} from './session.service.js';
export {
  UserStateService,
  type BlockOptions,
  type ChangeOptions,
  type UserUpdate,
} from './user-state.service.js';
