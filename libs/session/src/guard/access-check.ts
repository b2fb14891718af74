import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, DiscoveryService, MetadataScanner } from '@nestjs/core';
import { SessionConfigurationError } from '../model/session-error.js';
import { SESSION_SETTINGS } from '../session.injection-keys.js';
import type { SessionSettings } from '../session.settings.js';
import { declaresRequirements } from './access.js';
import { AccessReader } from './access-reader.js';
import { declaredAccessOf, enforcesAccess } from './decorators.js';
import { SessionGuard } from './session.guard.js';

// Nest's own metadata keys; where they can be imported from differs between its versions.
const ROUTE_METADATA = 'path';
const GUARDS_METADATA = '__guards__';

/**
 * Looks at every route once at boot, so that a decorator which contradicts another, or which no guard would enforce,
 * stops the app instead of waiting for its first request.
 */
@Injectable()
export class AccessCheck implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly config: ApplicationConfig,
    private readonly accesses: AccessReader,
    @Inject(SESSION_SETTINGS) private readonly settings: SessionSettings,
  ) {}

  onModuleInit(): void {
    for (const { metatype: controller } of this.discovery.getControllers()) {
      if (typeof controller !== 'function') continue;
      const prototype = controller.prototype as Record<string, unknown>;
      for (const name of this.scanner.getAllMethodNames(prototype)) {
        const handler = prototype[name];
        if (typeof handler === 'function' && Reflect.hasMetadata(ROUTE_METADATA, handler))
          this.check(handler, controller);
      }
    }
  }

  private check(handler: Function, controller: Function): void {
    const { mode } = this.accesses.of(handler, controller);
    const isDemanding =
      declaresRequirements(declaredAccessOf(handler)) || declaresRequirements(declaredAccessOf(controller));
    if (mode !== 'guarded' || !isDemanding || this.settings.guardGlobally) return;
    const guards = [
      ...this.config.getGlobalGuards(),
      ...this.config.getGlobalRequestGuards().map(({ metatype }) => metatype),
      ...guardsOn(controller),
      ...guardsOn(handler),
    ];
    if (guards.some(isEnforcing)) return;
    throw new SessionConfigurationError(
      `${controller.name}.${handler.name}`,
      "has requirements such as @Roles() that no guard enforces: add SessionGuard to its @UseGuards(). AuthGuard('latchkey') " +
        'alone does not know them; a guard of your own that enforces them says so with @EnforcesAccess()',
    );
  }
}

function guardsOn(target: Function): unknown[] {
  return (Reflect.getMetadata(GUARDS_METADATA, target) as unknown[] | undefined) ?? [];
}

/** @param guard a class, or an instance of one */
function isEnforcing(guard: unknown): boolean {
  const guardClass: unknown = typeof guard === 'function' ? guard : (guard as object | null)?.constructor;
  if (typeof guardClass !== 'function') return false;
  return (
    guardClass === SessionGuard || guardClass.prototype instanceof SessionGuard || enforcesAccess(guardClass)
  );
}
