import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Injectable,
  Logger,
} from '@nestjs/common';
import { SessionError, type SessionErrorCode } from '@latchkey/session';
import { deniedSessionOf, problemHeaders, toProblem } from '@latchkey/session/http';
import type { Request, Response } from 'express';
import { Problem, type ProblemCode } from './problem.js';

/** What the API calls the errors that are the library's own business, or says more of; every other code is the API's too. */
const RENAMED: Partial<Record<SessionErrorCode, ProblemCode>> = {
  user_unknown: 'not_found',
  epoch_changed: 'conflict',
  version_conflict: 'conflict',
  session_limit_reached: 'conflict',
  would_lock_out: 'conflict',
  bad_request: 'bad_request',
};

/** What Nest and Express raise by themselves. */
const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  400: 'bad_request',
  404: 'not_found',
  413: 'too_large',
  415: 'unsupported_media_type',
};

const LOG_INTERVAL_MS = 1_000;

/** Answers every error with problem+json: one shape, the contract's codes, and nothing of what is inside. */
@Catch()
@Injectable()
export class AppProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');
  private lastLoggedAt = -Infinity;

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const response = http.getResponse<Response>();
    if (response.headersSent) {
      response.destroy(); // a reply that broke off must not look complete
      return;
    }
    if (error instanceof SessionError && !RENAMED[error.code]) {
      if (error.statusCode >= 500) this.logOutage(error);
      response.status(error.statusCode).set(problemHeaders(error, http.getRequest<Request>()));
      // What a browser keeps of the session is nobody's to see any more.
      if (deniedSessionOf(error) === 'over') forgetPages(http.getRequest<Request>(), response);
      response.end(JSON.stringify(toProblem(error)));
      return;
    }
    const problem = this.toOwnProblem(error);
    response.status(problem.status).set(headersOf(problem));
    response.end(JSON.stringify(bodyOf(problem)));
  }

  private toOwnProblem(error: unknown): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof SessionError) {
      if (error.code === 'bad_request') return new Problem('bad_request', error.message);
      return new Problem(RENAMED[error.code] ?? 'internal_error');
    }
    const status = statusOf(error);
    const code = status === undefined ? undefined : BY_STATUS[status];
    if (code) return new Problem(code);
    this.logger.error(error);
    return new Problem('internal_error');
  }

  /** One line a second at most: with Redis away, every request comes by here. */
  private logOutage({ code, cause }: SessionError): void {
    const now = performance.now();
    if (now - this.lastLoggedAt < LOG_INTERVAL_MS) return;
    this.lastLoggedAt = now;
    this.logger.error(`${code}: ${cause instanceof Error ? cause.message : 'no cause given'}`);
  }
}

/**
 * Has a browser drop its pages of this origin, those of its back-forward cache among them: after a block, Back must not
 * show what the user saw. `no-store` alone does not do it. Nor does this for the page that is being left while we answer,
 * which enters that cache only afterwards; PersonalDocumentInterceptor and the console's script see to it. A client with
 * a bearer token has no pages of ours.
 */
function forgetPages({ headers }: Request, response: Response): void {
  const isBrowser = headers.cookie !== undefined && headers.authorization === undefined;
  if (isBrowser && !response.hasHeader('Clear-Site-Data')) response.set('Clear-Site-Data', '"cache"');
}

/** Also of what Express's router throws, as for a path that cannot be decoded. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' ? status : undefined;
}

function headersOf({ status }: Problem): Record<string, string> {
  return {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer realm="session"' } : {}),
    ...(status === 503 ? { 'Retry-After': '1' } : {}),
  };
}

function bodyOf(problem: Problem): object {
  const { code, title, status, message } = problem;
  // Also where no field is to blame: clients may rely on the list.
  const errors = code === 'bad_request' ? (problem.errors ?? []) : problem.errors;
  const type = `urn:problem-type:latchkey:${code}`;
  return { type, title, status, detail: message, code, errors };
}
