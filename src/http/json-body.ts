import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import type { Observable } from 'rxjs';
import { assertBounded } from './body-bounds.js';
import { Problem } from '../problem/problem.js';

const BODY_LIMIT = '64kb';
/** Levels: far less than what recursion over a body can bear. Parts: as many as 8 KiB of session data can have. */
const BOUNDS = { levels: 32, parts: 8_192 };

/** What was wrong with a body, until it is its turn to be told. */
const bodyErrors = new WeakMap<Request, Problem>();

/**
 * Reads JSON bodies up to 64 KiB, 32 levels and 8,192 keys and elements. What is wrong with one is only told behind the
 * guards (see `JsonBodyInterceptor`): whoever may not enter learns that first, whatever was sent along.
 */
export function useJsonBodies(app: NestExpressApplication): void {
  app.useBodyParser('json', { limit: BODY_LIMIT, type: 'application/json' });
  app.use((request: Request, _response: Response, next: NextFunction) => {
    assertBounded(request.body, BOUNDS);
    next();
  });
  app.use((error: unknown, request: Request, _response: Response, next: NextFunction) => {
    bodyErrors.set(request, error instanceof Problem ? error : toBodyProblem(error));
    request.body = undefined;
    next();
  });
}

/** Refuses requests whose body could not be read, or is something else than JSON. */
@Injectable()
export class JsonBodyInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle(); // a message of a socket has no such body
    const request = context.switchToHttp().getRequest<Request>();
    const error = bodyErrors.get(request);
    if (error) throw error;
    if (hasBody(request) && request.is('application/json') === false)
      throw new Problem('unsupported_media_type');
    return next.handle();
  }
}

function hasBody(request: Request): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== '0');
}

/** body-parser's errors say in `status` what they are. Their messages may quote the body and stay here. */
function toBodyProblem(error: unknown): Problem {
  const status = (error as { status?: unknown } | null)?.status;
  if (status === 413) return new Problem('too_large', 'A body may have 64 KiB');
  if (status === 415) return new Problem('unsupported_media_type');
  return new Problem('bad_request', 'The body is not valid JSON', []);
}
