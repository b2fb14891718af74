import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { SessionTransport } from '@latchkey/session';
import type { Request } from 'express';

/**
 * The cross-origin rule for a login that will set a cookie: a foreign page must not log its visitors in as somebody
 * else. A guard, so that it is told before anything about the body is.
 */
@Injectable()
export class LoginOriginGuard implements CanActivate {
  constructor(private readonly transport: SessionTransport) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const body = request.body as { transport?: unknown } | null | undefined;
    if (body?.transport !== 'bearer') this.transport.assertSameOrigin(request);
    return true;
  }
}
