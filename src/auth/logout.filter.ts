import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import { SessionError, type SessionErrorCode } from '@latchkey/session';
import type { Request, Response } from 'express';
import { AppProblemFilter } from '../problem/problem.filter.js';
import { ClientTokens } from './client-tokens.js';

/**
 * Denials that say that the cookie is good for nothing any more. A foreign page's logout is none of them, or it could
 * log people out after all.
 */
const DEAD: ReadonlySet<SessionErrorCode> = new Set([
  'session_missing',
  'session_invalid',
  'session_revoked',
  'session_expired',
  'user_blocked',
]);

/** A logout of a session that was dead already takes the cookie back all the same. */
@Catch(SessionError)
@Injectable()
export class LogoutFilter implements ExceptionFilter<SessionError> {
  constructor(
    private readonly tokens: ClientTokens,
    private readonly problems: AppProblemFilter,
  ) {}

  catch(error: SessionError, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    if (DEAD.has(error.code)) {
      this.tokens.takeBack({ request: http.getRequest<Request>(), response: http.getResponse<Response>() });
    }
    this.problems.catch(error, host);
  }
}
