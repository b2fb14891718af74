import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { authenticatedSessionOf } from '@latchkey/session';
import type { Request, Response } from 'express';
import type { Observable } from 'rxjs';

const SANDBOX = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/**
 * Keeps JSON about a user out of the browser's back-forward cache, where somebody has opened it as a page: Back asks us
 * again. A page without a script cannot be told that its session has ended, and Chromium keeps `no-store` pages for
 * minutes, unless they are sandboxed as well: it cannot watch the cookies of an origin that has none. What scripts fetch
 * is not affected.
 */
@Injectable()
export class PersonalDocumentInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() === 'http') {
      const http = context.switchToHttp();
      if (authenticatedSessionOf(http.getRequest<Request>()))
        http.getResponse<Response>().setHeader('Content-Security-Policy', SANDBOX);
    }
    return next.handle();
  }
}
