import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import { SessionError, type SessionErrorCode, SessionTransport } from '@latchkey/session';
import type { Request, Response } from 'express';
import { AppProblemFilter } from '../problem/problem.filter.js';
import { ClientTokens } from './client-tokens.js';

/** Denials that say that the cookie is good for nothing any more. */
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
    private readonly transport: SessionTransport,
    private readonly problems: AppProblemFilter,
  ) {}

  catch(error: SessionError, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    if (DEAD.has(error.code) && this.isOurs(request)) {
      this.tokens.takeBack({ request, response: http.getResponse<Response>() });
    }
    this.problems.catch(error, host);
  }

  /** A foreign page sends no cookie along, and so looks as if there were none: it must not log people out after all. */
  private isOurs(request: Request): boolean {
    try {
      this.transport.assertSameOrigin(request);
      return true;
    } catch {
      return false;
    }
  }
}
