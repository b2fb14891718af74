import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, DiscoveryService, MetadataScanner } from '@nestjs/core';
import { SessionConfigurationError } from '../model/session-error.js';
import { SESSION_SETTINGS } from '../session.injection-keys.js';
import type { SessionSettings } from '../session.settings.js';
import { declaresRequirements } from './access.js';
import { AccessReader } from './access-reader.js';
import { declaredAccessOf } from './decorators.js';
import { NO_GUARD, SessionGuard } from './session.guard.js';

// Nest's own metadata keys; where they can be imported from differs between its versions.
const ROUTE_METADATA = 'path';
const GUARDS_METADATA = '__guards__';

/**
 * Looks at every route once at boot, so that a decorator which contradicts another, or which no guard would enforce,
 * stops the app instead of waiting for its first request.
 */
@Injectable()
export class AccessCheck implements OnModuleInit {
  private readonly logger = new Logger('SessionModule');

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
      ...this.config.getGlobalGuards().filter((guard) => guard !== NO_GUARD),
      ...this.config.getGlobalRequestGuards(),
      ...guardsOn(controller),
      ...guardsOn(handler),
    ];
    if (guards.some(isSessionGuard)) return;
    const where = `${controller.name}.${handler.name}`;
    if (guards.length === 0) {
      throw new SessionConfigurationError(
        where,
        'has requirements that no guard enforces: add @UseGuards(SessionGuard)',
      );
    }
    this.logger.warn(
      `${where} has requirements such as @Roles(), but no SessionGuard: nothing of ours enforces them`,
    );
  }
}

function guardsOn(target: Function): unknown[] {
  return (Reflect.getMetadata(GUARDS_METADATA, target) as unknown[] | undefined) ?? [];
}

function isSessionGuard(guard: unknown): boolean {
  return (
    guard instanceof SessionGuard ||
    (typeof guard === 'function' && (guard === SessionGuard || guard.prototype instanceof SessionGuard))
  );
}
