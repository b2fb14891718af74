/**
 * Types of checks outside a guard: what `SessionService.authenticate()` and `decide()` take and answer. And of guests. And a
 * decorator for public handlers while storage is away.
 * @module @latchkey/session/access
 */
export type { AccessDecorator } from '../guard/decorators/declarations.js';
export { OnStoreFailure } from '../guard/decorators/limits.js';
export type { ContextCall, ContextReader } from '../options/context-reader.js';
export type { ContextKind } from '../handlers/contexts.js';
export type { Partition } from '../rules/quota-rule.js';
export type { AccessRequirements, Decision, DenyReason } from '../model/decision.js';
export type { IpListRef, IpRangeSet, IpRequirements } from '../model/ip-list.js';
export type { QuotaPolicy, UserQuota } from '../model/quota.js';
export type { TokenOrigin } from '../services/sessions/token-check.js';
export type { CreateGuestOptions, IssuedGuest } from '../services/sessions/session-types.js';
