import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { graphqlCallOf } from '../contexts/graphql/graphql.js';
import type { GuardedCall } from '../contexts/http/guarded-call.js';
import type { HttpRequest } from '../contexts/http/http.js';
import { CONTEXTS } from '../handlers/contexts.js';
import { admitAs, setRequestAccess } from '../guard/calls/request-access.js';
import type { Session } from '../model/session.js';
import type { UserState } from '../model/user-state.js';

/** The user and the session of `guardAs()`: what is left out has a value that a fresh login would have. @publicApi */
export interface GuardAsOptions {
  /** What `@CurrentUser()` gives. */
  readonly user: Partial<UserState> & Pick<UserState, 'id'>;
  /** What `@CurrentSession()` gives. */
  readonly session?: Partial<Session>;
}

const DAY_MS = 86_400_000;
/** Stands for a SessionModule that knows the session. */
const NOWHERE = {};

/**
 * A guard that lets every request in as one user, for unit tests of handlers: `SessionTestingModule.replaceGuard` puts it
 * in the place of `SessionGuard`. Nothing is checked, neither roles nor quotas, and no storage knows the session:
 * handlers that change it, or have `@SessionData()`, need `loginAs`.
 * @example
 * ```ts
 * const builder = Test.createTestingModule({ imports: [AppModule] });
 * SessionTestingModule.replaceGuard(builder, guardAs({ user: { id: 'ada', roles: ['admin'] } }));
 * ```
 * @publicApi
 */
export function guardAs({ user, session }: GuardAsOptions): CanActivate {
  return {
    canActivate(context: ExecutionContext): boolean {
      const call = callOf(context);
      if (!call) return true; // an adapter's checks go on
      const requirements = { roleGroups: [] };
      const record = setRequestAccess(call.unit ?? call.request, { realm: NOWHERE, requirements });
      admitAs(call.request, record, { user: userOf(user), session: sessionOf(user.id, session) });
      return true;
    },
  };
}

function callOf(context: ExecutionContext): GuardedCall | undefined {
  const type = context.getType<string>();
  if (type === CONTEXTS.http.type) return { request: context.getArgByIndex<HttpRequest>(0) };
  return type === CONTEXTS.graphql.type ? graphqlCallOf(context.getArgs()) : undefined;
}

function userOf(user: GuardAsOptions['user']): UserState {
  return { status: 'active', roles: [], version: 1, epoch: 0, ...user };
}

function sessionOf(userId: string, session: Partial<Session> = {}): Session {
  const now = Date.now();
  return {
    id: 'session-of-a-test',
    userId,
    device: { name: '', userAgent: '', ip: '' },
    createdAt: now,
    lastSeenAt: now,
    authenticatedAt: now,
    assurance: 'aal1',
    rememberMe: false,
    expiresAt: now + DAY_MS,
    absoluteExpiresAt: now + DAY_MS,
    ...session,
  };
}
