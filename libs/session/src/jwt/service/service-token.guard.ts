import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import { declaredAccessOf } from '../../guard/decorators/declarations.js';
import { EnforcesScopes } from '../../guard/decorators/guard-markers.js';
import { setProblemHeaders } from '../../guard/problem.js';
import { privateSlot } from '../../basics/private-slot.js';
import { SessionError } from '../../model/session-error.js';
import { headerOf, type HttpRequest, nodeRequestOf } from '../../contexts/http/http.js';
import { rpcCallOf } from '../../contexts/rpc/message.js';
import { CONTEXTS, contextOfType } from '../../handlers/contexts.js';
import { bearerToken } from '../../contexts/http/bearer.js';
import type { ServiceCall } from './service-tokens-options.js';
import { ServiceTokens } from './service-tokens.js';

const calls = privateSlot<ServiceCall>();

/**
 * Lets other services in: `@UseGuards(ServiceTokenGuard) @Scopes('orders:read')`. Takes a service token from
 * `Authorization: Bearer`, never from a cookie, and fails with 401 `service_token_missing` or `service_token_invalid`, or 403
 * `forbidden` where a scope lacks. A global `SessionGuard` leaves such handlers to it. Serves HTTP, and messages of
 * microservices with `authorization: 'Bearer …'` in their headers or metadata; where the transport has none, in their
 * payload. Put it before the handler or its class: global guards may not reach messages.
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
    const request = requestOf(context);
    try {
      const call = await this.verify(
        request,
        ofHandler.scopes ?? declaredAccessOf(context.getClass()).scopes,
      );
      calls.set(nodeRequestOf(request), call);
      return true;
    } catch (error) {
      if (error instanceof SessionError && type === CONTEXTS.http.type)
        setProblemHeaders(context.getArgByIndex(1), error, request);
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

/** @throws SessionError for a message that nothing tells from another: nobody's token could belong to it */
function requestOf(context: ExecutionContext): HttpRequest {
  if (context.getType<string>() !== CONTEXTS.rpc.type) return context.getArgByIndex<HttpRequest>(0);
  const message = rpcCallOf(context.getArgs());
  if (message) return message.request;
  throw new SessionError('service_token_missing');
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
  const call = serviceCallOf(requestOf(context));
  if (call) return call;
  throw new Error(
    `@CurrentService() on ${context.getClass().name}.${context.getHandler().name}: no ServiceTokenGuard ran`,
  );
});
