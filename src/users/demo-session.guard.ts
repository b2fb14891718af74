import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { authenticatedSessionOf, SessionError } from '@latchkey/session';
import type { Request } from 'express';
import { isDemoUserId } from './account.js';

/**
 * For production: refuses every session of a demo account. A development node on the same Redis may open one at any
 * time, with a password that everybody knows.
 */
export class DemoSessionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const authenticated = authenticatedSessionOf(context.switchToHttp().getRequest<Request>());
    if (authenticated && isDemoUserId(authenticated.user.id)) throw new SessionError('session_invalid');
    return true;
  }
}
