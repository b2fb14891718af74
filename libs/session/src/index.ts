/**
 * The module, the guard and its decorators, and the services. Subpaths have what fewer apps need.
 * @module @latchkey/session
 */
export { AuditLog } from './services/audit/audit-log.js';
export type {
  DataChangeOptions,
  DataPatch,
  SessionDataHandle,
  SessionDataState,
} from './services/data/session-data-handle.js';
export {
  AllowExpired,
  AllowGuests,
  Assurance,
  Fresh,
  OptionalSession,
  FreshState,
  Passive,
  Permissions,
  Public,
  Roles,
} from './guard/decorators/access.js';
export { EnforcesAccess } from './guard/decorators/guard-markers.js';
export { IpAllowlist, IpDenylist, RateLimit } from './guard/decorators/limits.js';
export { CurrentSession, CurrentUser, SessionData } from './guard/decorators/parameters.js';
export { PolicyManifest, type PolicyEntry } from './manifest/policy-manifest.js';
export { authenticatedSessionOf } from './guard/calls/request-access.js';
export { SessionGuard } from './guard/session.guard.js';
export { SessionTransport } from './guard/session-transport.js';
export type { EventStream } from './live/event-stream.js';
export { EventStreams } from './live/event-streams.js';
export type { Clock } from './basics/clock.js';
export { withDeadline } from './basics/deadline.js';
export type { Duration } from './basics/duration.js';
export type { RevocationReceipt } from './model/revocation-receipt.js';
export { SessionConfigurationError, SessionError } from './model/session-error.js';
export type { SessionErrorCode } from './model/error-codes.js';
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
export type { HttpRequest, HttpResponse, StreamableResponse } from './contexts/http/http.js';
export { ipPartition } from './rules/ip-address.js';
export type { RefreshCredentials } from './contexts/http/refresh-credentials.js';
export { LIFETIME_PRESETS, type LifetimeOption } from './rules/lifetime.js';
export type { RolePermissions } from './rules/roles.js';
export type { QuotaResult } from './model/quota.js';
export type { QuotaOptions, RateLimitOptions } from './rules/quota-options.js';
export {
  OneTimeTokens,
  type ConsumedOneTimeToken,
  type ConsumeOptions,
  type IssuedOneTimeToken,
  type OneTimeTokenOptions,
} from './services/one-time-tokens/one-time-tokens.service.js';
export { RateLimiter, type RateLimitShare } from './services/rate-limiter/rate-limiter.service.js';
export { redisClientOptions } from './redis/servers/client-options.js';
export {
  SessionEvents,
  type EventEmitterLike,
  type SessionEventListener,
} from './services/events/session-events.service.js';
export {
  IpAllowlists,
  type IpList,
  type IpListOptions,
  type IpListReceipt,
} from './services/ip/ip-allowlists.service.js';
export { SessionModule } from './session.module.js';
export type { SessionModuleOptions } from './options/options.js';
export { SessionService } from './services/sessions/session.service.js';
export type {
  AuthenticatedSession,
  CreateSessionOptions,
  IssuedSession,
  RefreshOptions,
  ReplaceTokenOptions,
} from './services/sessions/session-types.js';
export type { BlockOptions, ChangeOptions, UserUpdate } from './services/users/user-changes.js';
export { UserStateService } from './services/users/user-state.service.js';
