import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { SessionConfigurationError } from '../model/session-error.js';
import { SESSION_SETTINGS } from '../session.injection-keys.js';
import type { SessionSettings } from '../session.settings.js';
import { declaresLimits, declaresRequirements } from './access.js';
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
    for (const handler of this.handlers.find()) this.check(handler);
  }

  private check(found: Handler): void {
    const { mode } = this.accesses.of(found.handler, found.class);
    if (guardsOf(found, this.config, this.settings).areEnforcing) return;
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
    if (this.settings.strict && mode !== 'public') {
      throw new SessionConfigurationError(
        found.name,
        'is neither behind a SessionGuard nor @Public(), and the option strict allows no other',
      );
    }
  }
}
