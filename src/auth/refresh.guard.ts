import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { SessionTransport } from '@latchkey/session';
import type { Request } from 'express';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { Problem } from '../problem/problem.js';

/**
 * What is to be said of a refresh before anything about its body is: two credentials, or a foreign page. Without
 * `REFRESH=on` there is no such route.
 */
@Injectable()
export class RefreshGuard implements CanActivate {
  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly transport: SessionTransport,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (!this.config.refresh) throw new Problem('not_found', 'Tokens live as long as their session here');
    const request = context.switchToHttp().getRequest<Request>();
    const body = request.body as { refreshToken?: unknown } | null | undefined;
    this.transport.readRefreshToken(request, body?.refreshToken === undefined ? undefined : '');
    return true;
  }
}
