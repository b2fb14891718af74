import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import { SessionError, SessionTransport } from '@latchkey/session';
import { deniedSessionOf } from '@latchkey/session/http';
import type { Request, Response } from 'express';
import { AppProblemFilter } from '../problem/problem.filter.js';
import { ClientTokens } from './client-tokens.js';

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
    if (isDead(error) && this.isOurs(request)) {
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

/** Whether the cookie is good for nothing any more. */
function isDead(error: SessionError): boolean {
  return (deniedSessionOf(error) ?? 'alive') !== 'alive';
}
