import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { SessionError } from '../model/session-error.js';
import { sendJson, type HttpRequest, type HttpResponse } from '../platform/http.js';
import { problemHeaders, toProblem } from './problem.js';

const LOG_INTERVAL_MS = 10_000;

/**
 * Answers every `SessionError` with `application/problem+json`. `SessionModule` registers it; `toProblem` and
 * `problemHeaders` let a filter of your own answer alike.
 * @publicApi
 */
@Catch(SessionError)
export class ProblemFilter implements ExceptionFilter<SessionError> {
  private readonly logger = new Logger('SessionModule');
  private lastLoggedAt = -Infinity;

  catch(error: SessionError, host: ArgumentsHost): void {
    if (host.getType<string>() !== 'http') throw error;
    if (error.statusCode >= 500) this.log(error);
    const request = host.getArgByIndex<HttpRequest>(0);
    const response = host.getArgByIndex<HttpResponse>(1);
    sendJson(response, error.statusCode, { headers: problemHeaders(error, request), body: toProblem(error) });
  }

  /** One line in ten seconds at most: with Redis down, every request comes by here. */
  private log({ code, cause }: SessionError): void {
    const now = performance.now();
    if (now - this.lastLoggedAt < LOG_INTERVAL_MS) return;
    this.lastLoggedAt = now;
    this.logger.error(`${code}: ${cause instanceof Error ? cause.message : 'no cause given'}`);
  }
}
