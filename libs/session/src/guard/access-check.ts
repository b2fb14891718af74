import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { SessionConfigurationError } from '../model/session-error.js';
import { SESSION_SETTINGS } from '../session.injection-keys.js';
import type { SessionSettings } from '../session.settings.js';
import { type Access, declaresLimits, declaresRequirements } from './access.js';
import { AccessReader } from './access-reader.js';
import { declaredAccessOf } from './decorators.js';
import { guardsOf } from './policy-manifest-guards.js';
import { HandlerFinder, type Handler } from './policy-manifest-handlers.js';

/**
 * Looks at every handler once at boot, so that a decorator which contradicts another, or which no guard would enforce,
 * stops the app instead of waiting for its first request; and with the option `strict`, a handler that is open by
 * oversight.
 */
@Injectable()
export class AccessCheck implements OnModuleInit {
  constructor(
    private readonly handlers: HandlerFinder,
    private readonly config: ApplicationConfig,
    private readonly accesses: AccessReader,
    @Inject(SESSION_SETTINGS) private readonly settings: SessionSettings,
  ) {}

  onModuleInit(): void {
    for (const found of this.handlers.find())
      if (this.accesses.isMine(found.handler, found.class)) this.check(found);
  }

  private check(found: Handler): void {
    const { mode } = this.accesses.of(found.handler, found.class);
    const guards = guardsOf(found, this.config, this.settings);
    checkScopes(found, { mode, areForServices: guards.areForServices });
    if (guards.areEnforcing) return;
    const declared = [declaredAccessOf(found.handler), declaredAccessOf(found.class)];
    const isDemanding =
      (mode === 'guarded' && declared.some(declaresRequirements)) || declared.some(declaresLimits);
    if (isDemanding) {
      throw new SessionConfigurationError(
        found.name,
        "has requirements such as @Roles() that no guard enforces: add SessionGuard to its @UseGuards(). AuthGuard('latchkey') " +
          'alone does not know them; a guard of your own that enforces them says so with @EnforcesAccess()',
      );
    }
    if (this.settings.strict && mode !== 'public' && mode !== 'service') {
      throw new SessionConfigurationError(
        found.name,
        'is neither behind a SessionGuard nor @Public(), and the option strict allows no other',
      );
    }
  }
}

/**
 * That handlers with `@Scopes()`, and only those, are behind the guard that enforces them.
 * @throws SessionConfigurationError naming the handler
 */
export function checkScopes(
  { kind, name }: Pick<Handler, 'kind' | 'name'>,
  { mode, areForServices }: { readonly mode: Access['mode']; readonly areForServices: boolean },
): void {
  if (mode === 'service' && kind !== 'http')
    throw new SessionConfigurationError(name, 'has @Scopes(), which hold for HTTP only');
  if (mode === 'service' && !areForServices) {
    throw new SessionConfigurationError(
      name,
      'has @Scopes() that no guard enforces: add ServiceTokenGuard to its @UseGuards()',
    );
  }
  if (mode !== 'service' && mode !== 'public' && areForServices)
    throw new SessionConfigurationError(name, 'is behind ServiceTokenGuard and has no @Scopes()');
}
