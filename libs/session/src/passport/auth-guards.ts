import { UnauthorizedException, type ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { HttpRequest } from '../contexts/http/http.js';

/** What the strategy does before and after a guard of Nest's that may try it. */
export interface GuardWatcher {
  /** A guard is about to ask strategies, perhaps ours. */
  before(request: HttpRequest, context: ExecutionContext): void;
  /** A guard let the request in, whichever strategy knew it. */
  passed(request: HttpRequest): void;
  /** A guard said no more than "Unauthorized". @returns what ours said to it, or that */
  refused(error: UnauthorizedException, request: HttpRequest, response: unknown): unknown;
}

/** What `AuthGuard()` of @nestjs/passport makes, once for each strategy or list of them. */
interface AuthGuardClass {
  readonly options?: { readonly defaultStrategy?: string | string[] };
  canActivate(context: ExecutionContext): boolean | Promise<boolean>;
  getAuthenticateOptions(context: ExecutionContext): unknown;
  getRequest(context: ExecutionContext): HttpRequest;
  getResponse(context: ExecutionContext): unknown;
}

const WORDLESS = new UnauthorizedException().message;
const watched = new WeakSet<object>();

/** Whether a class is made by `AuthGuard()`, or extends one that is. */
export function isAuthGuard(guard: Function): boolean {
  const prototype: unknown = guard.prototype;
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    'getAuthenticateOptions' in prototype &&
    'handleRequest' in prototype
  );
}

/**
 * Stands around the guard of Nest's that a class is or extends: a strategy knows neither the handler, nor which strategies
 * are tried beside it, nor what becomes of its failure.
 * @param watcher of the app's strategy, which may be another one with every request; absent: there is none
 */
export function watchAuthGuard(guard: Function, watcher: () => GuardWatcher | undefined): void {
  const made = madeByNest(guard.prototype as AuthGuardClass);
  const unnamed: unknown = AuthGuard().prototype;
  if (watched.has(made)) return;
  watched.add(made);
  const canActivate: AuthGuardClass['canActivate'] = Reflect.get(made, 'canActivate');
  made.canActivate = async function (this: AuthGuardClass, context) {
    const strategy = made === unnamed && !isOursByDefault(this) ? undefined : watcher();
    const request = strategy && this.getRequest(context);
    if (!strategy || typeof request !== 'object' || request === null) return canActivate.call(this, context);
    strategy.before(request, context);
    try {
      const passes = await canActivate.call(this, context);
      if (passes) strategy.passed(request);
      return passes;
    } catch (error) {
      const isWordless = error instanceof UnauthorizedException && error.message === WORDLESS;
      throw isWordless ? strategy.refused(error, request, this.getResponse(context)) : error;
    }
  };
}

/** Of `AuthGuard()`, which tries what the app's `PassportModule` says. */
function isOursByDefault({ options }: AuthGuardClass): boolean {
  return [options?.defaultStrategy ?? []].flat().includes('latchkey');
}

function madeByNest(prototype: AuthGuardClass): AuthGuardClass {
  const above = Object.getPrototypeOf(prototype) as AuthGuardClass | null;
  return above && 'getAuthenticateOptions' in above ? madeByNest(above) : prototype;
}
