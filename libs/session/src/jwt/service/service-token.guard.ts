import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import { declaredAccessOf } from '../../guard/decorators/declarations.js';
import { EnforcesScopes } from '../../guard/decorators/guard-markers.js';
import { setProblemHeaders } from '../../guard/problem.js';
import { privateSlot } from '../../basics/private-slot.js';
import { SessionError } from '../../model/session-error.js';
import { headerOf, type HttpRequest, nodeRequestOf } from '../../contexts/http/http.js';
import { contextOfType } from '../../handlers/contexts.js';
import { bearerToken } from '../../contexts/http/bearer.js';
import type { ServiceCall } from './service-tokens-options.js';
import { ServiceTokens } from './service-tokens.js';

const calls = privateSlot<ServiceCall>();

/**
 * Lets other services in: `@UseGuards(ServiceTokenGuard) @Scopes('orders:read')`. Takes a service token from
 * `Authorization: Bearer`, never from a cookie, and fails with 401 `service_token_missing` or `service_token_invalid`, or 403
 * `forbidden` where a scope lacks. A global `SessionGuard` leaves such handlers to it. For HTTP only.
 * @example
 * `@UseGuards(ServiceTokenGuard) @Scopes('orders:read') @Get('orders') list() {}`
 * @publicApi
 */
@EnforcesScopes()
@Injectable()
export class ServiceTokenGuard implements CanActivate {
  /** @internal */
  constructor(private readonly tokens: ServiceTokens) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const type = context.getType<string>();
    if (!contextOfType(type)?.takesServiceTokens)
      throw new SessionError('forbidden', { detail: `ServiceTokenGuard does not serve '${type}'` });
    const ofHandler = declaredAccessOf(context.getHandler());
    if (ofHandler.isPublic) return true;
    const request = context.getArgByIndex<HttpRequest>(0);
    try {
      const call = await this.verify(
        request,
        ofHandler.scopes ?? declaredAccessOf(context.getClass()).scopes,
      );
      calls.set(nodeRequestOf(request), call);
      return true;
    } catch (error) {
      if (error instanceof SessionError) setProblemHeaders(context.getArgByIndex(1), error, request);
      throw error;
    }
  }

  private async verify(request: HttpRequest, scopes: readonly string[] | undefined): Promise<ServiceCall> {
    // The boot check says so, too; but where nothing is demanded, nobody comes in.
    if (!scopes) throw new SessionError('forbidden', { detail: 'The handler has no @Scopes()' });
    const token = bearerToken(headerOf(nodeRequestOf(request).headers, 'authorization'));
    if (token === undefined) throw new SessionError('service_token_missing');
    const call = await this.tokens.verify(token);
    if (!scopes.every((scope) => call.scopes.includes(scope)))
      throw new SessionError('forbidden', { scopes });
    return call;
  }
}

/**
 * The service call that `ServiceTokenGuard` let in; `undefined` where it did not.
 * @example
 * ```ts
 * const caller = serviceCallOf(request)?.issuer ?? 'no service';
 * ```
 * @publicApi
 */
export function serviceCallOf(request: HttpRequest): ServiceCall | undefined {
  return calls.get(nodeRequestOf(request));
}

/**
 * Which service calls, on whose behalf.
 * @throws Error where no ServiceTokenGuard ran: a handler must not take that for "nobody"
 * @example
 * `@UseGuards(ServiceTokenGuard) @Scopes('orders:read') @Get() list(@CurrentService() call: ServiceCall) {}`
 * @publicApi
 */
export const CurrentService = createParamDecorator((_: unknown, context: ExecutionContext): ServiceCall => {
  const call = serviceCallOf(context.switchToHttp().getRequest<HttpRequest>());
  if (call) return call;
  throw new Error(
    `@CurrentService() on ${context.getClass().name}.${context.getHandler().name}: no ServiceTokenGuard ran`,
  );
});
