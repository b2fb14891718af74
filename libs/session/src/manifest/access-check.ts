import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { SessionConfigurationError } from '../model/session-error.js';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import type { SessionSettings } from '../options/settings.js';
import type { Access } from '../rules/access.js';
import { AccessReader } from '../guard/access-reader.js';
import {
  checkClientIp,
  checkNearest,
  checkStoreFailure,
  checkStray,
  checkWhatRuns,
  demands,
} from './access-check-rules.js';
import { guardsOf, isOurs } from './guards.js';
import { CONTEXTS, FIELDS_HINT } from '../handlers/contexts.js';
import { HandlerFinder } from '../handlers/handler-finder.js';
import { guardsOn } from '../handlers/nest-metadata.js';
import type { Handler } from '../handlers/handler.js';
import { checkRefreshPath } from './refresh-path-check.js';

/**
 * Looks at every handler of every transport once at boot. A decorator that contradicts another, or that nothing would
 * enforce, stops the app instead of waiting for its first request; with the option `strict`, so does a handler that is
 * open by oversight.
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
    const all = this.handlers.find();
    const mine = all.filter((found) => this.accesses.isMine(found.handler, found.class));
    for (const found of mine)
      if (this.handlers.opensSockets || !CONTEXTS[found.kind].needsSockets) this.check(found);
    for (const stray of this.handlers.strays(all)) checkStray(stray, (...at) => this.servesOwnContexts(at));
    checkWhatRuns(this.handlers);
    // In a command that only takes services from the app, no global prefix is set.
    if (this.handlers.isHttpApp)
      checkRefreshPath(all, this.settings.transport, (line) => new Logger('SessionModule').warn(line));
  }

  /** Which methods are handlers of the option `contexts`, only the app knows: those behind a `SessionGuard` may be. */
  private servesOwnContexts(at: readonly Function[]): boolean {
    if (this.settings.contexts.length === 0) return false;
    return this.settings.guardGlobally || at.flatMap(guardsOn).some(isOurs);
  }

  private check(found: Handler): void {
    const access = this.accesses.of(found.handler, found.class);
    const { mode } = access;
    const guards = guardsOf(found, this.config, this.settings);
    checkScopes(found, { mode, areForServices: guards.areForServices });
    checkNearest(found, mode, guards);
    checkClientIp(found, access, guards);
    checkStoreFailure(found, access);
    if (guards.areEnforcing) return;
    if (demands(found, mode))
      throw new SessionConfigurationError(found.name, CONTEXTS[found.kind].unenforced(found.method));
    // Nest never runs it: whoever put it there is mistaken about who comes in.
    if (guards.isGuardedItself && !found.reach.own) {
      throw new SessionConfigurationError(found.name, `has a SessionGuard that never runs: ${FIELDS_HINT}`);
    }
    // Nobody gets at a field but by an operation, which is looked at itself.
    const isOpen = mode !== 'public' && mode !== 'service' && !guards.isRefused && found.method !== 'FIELD';
    if (this.settings.strict && isOpen)
      throw new SessionConfigurationError(found.name, CONTEXTS[found.kind].open(found.method));
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
  if (mode === 'service' && !CONTEXTS[kind].takesServiceTokens)
    throw new SessionConfigurationError(
      name,
      'has @Scopes(), which hold for HTTP and microservices only: remove it',
    );
  if (mode === 'service' && !areForServices) {
    throw new SessionConfigurationError(
      name,
      'has @Scopes() that no guard enforces: add ServiceTokenGuard to its @UseGuards()',
    );
  }
  if (mode !== 'service' && mode !== 'public' && areForServices)
    throw new SessionConfigurationError(
      name,
      'is behind ServiceTokenGuard and has no @Scopes(): add it, or @Public()',
    );
}
