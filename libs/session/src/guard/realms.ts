import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { SessionConfigurationError } from '../model/session-error.js';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import type { SessionSettings } from '../options/settings.js';
import { declaresRequirements } from '../rules/access.js';
import { declaredAccessOf } from './decorators/declarations.js';
import { enforcesAccess, knowsSessions } from './decorators/guard-markers.js';
import { HandlerFinder } from '../handlers/handler-finder.js';
import { CONTEXTS } from '../handlers/contexts.js';
import type { Handler } from '../handlers/handler.js';
import { guardsOn } from '../handlers/nest-metadata.js';

type Settings = Pick<SessionSettings, 'guardGlobally'>;
type Module = ModulesContainer extends Map<string, infer M> ? M : never;

/** One `SessionModule` of the app. */
interface Realm {
  readonly isGlobal: boolean;
  readonly settings: Settings;
}

/**
 * `own`: it decides. `aside`: the guard of another one does. `foreign`: that one should, and does not stand there; only what
 * is public may run.
 */
export type Place = 'own' | 'aside' | 'foreign';

/** A `SessionGuard`, as far as it tells whose it is. */
interface RealmGuard {
  isOf(settings: object): boolean;
}

const AMBIGUOUS = 'ambiguous';

/**
 * Which of several `SessionModule`s in one app a handler belongs to: the one that its module would be given the services
 * of. That one's guard decides alone where it stands before the handler, and everybody else's stands aside. What cannot
 * be told stops the boot; until then every guard decides.
 */
@Injectable()
export class Realms implements OnModuleInit {
  private readonly places = new WeakMap<object, WeakMap<object, Place>>();
  private known: ReadonlyMap<Module, Realm> | undefined;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly handlers: HandlerFinder,
    private readonly config: ApplicationConfig,
    @Inject(SESSION_SETTINGS) private readonly settings: Settings,
  ) {}

  /** Whether the app has no other. */
  get isAlone(): boolean {
    return this.all.size < 2;
  }

  /** Whether the guard of this one decides on a handler. */
  isMine(handler: Function, controller: Function): boolean {
    return this.placeOf(handler, controller) !== 'aside';
  }

  /** What the guard of this one has to do with a handler. */
  placeOf(handler: Function, controller: Function): Place {
    let byClass = this.places.get(handler);
    if (!byClass) this.places.set(handler, (byClass = new WeakMap()));
    let place = byClass.get(controller);
    if (place === undefined) byClass.set(controller, (place = this.findPlace(handler, controller)));
    return place;
  }

  /** Whether this is the one with these settings. */
  isOf(settings: object): boolean {
    return this.settings === settings;
  }

  /** @throws SessionConfigurationError where it cannot be told whose sessions are meant */
  onModuleInit(): void {
    if (this.isAlone) return;
    const realms = [...this.all.values()];
    if (realms.filter(({ isGlobal }) => isGlobal).length > 1) {
      throw new SessionConfigurationError(
        'isGlobal',
        'is true for two SessionModules in one app, which have no session in common: call forRoot() once, or set isGlobal: false ' +
          'and import each of them in the modules that it is for',
      );
    }
    for (const found of this.handlers.find()) this.check(found);
  }

  /** Whether what a class serves is for sessions of this one, or of none that is known. */
  owns(owned: Function): boolean {
    if (this.isAlone) return true;
    const owner = this.ownerOf(owned);
    return owner === undefined || (owner !== AMBIGUOUS && owner.settings === this.settings);
  }

  /**
   * @param knows whether a guard of that class knows this one's sessions
   * @throws SessionConfigurationError where such a guard stands before another one's handler
   */
  assertOwnBehind(knows: (guard: Function) => boolean, name: string): void {
    if (this.isAlone) return;
    const globally = this.globalGuardClasses();
    const stranger = this.handlers
      .find()
      .find(
        (found) =>
          [...globally, ...guardClassesOn(found.handler, found.class)].some(knows) && !this.owns(found.class),
      );
    if (!stranger) return;
    throw new SessionConfigurationError(
      stranger.name,
      `is behind ${name}, which knows the sessions of another SessionModule only: use SessionGuard there`,
    );
  }

  /** The classes of all guards of the app, whosever they are. */
  guards(): ReadonlySet<Function> {
    const placed = this.handlers.find().flatMap((found) => guardClassesOn(found.handler, found.class));
    return new Set([...this.globalGuardClasses(), ...placed]);
  }

  private globalGuardClasses(): Function[] {
    return [
      ...this.config.getGlobalGuards().map((guard) => guard.constructor),
      ...this.config.getGlobalRequestGuards().flatMap(({ metatype }) => metatype ?? []),
    ].filter((guard) => typeof guard === 'function');
  }

  private check(found: Handler): void {
    if (isOpen(found)) return;
    const owner = this.ownerOf(found.class);
    const others = [...this.all.values()].filter((realm) => realm !== owner);
    const isGuarded = others.some((realm) => this.isGuarding(realm));
    if (owner === AMBIGUOUS && (isGuarded || isGuardedItself(found.handler, found.class))) {
      throw new SessionConfigurationError(
        found.name,
        'could belong to either of two SessionModules: let its module import exactly one of them',
      );
    }
    if (CONTEXTS[found.kind].checkedBy !== 'guard' || owner === AMBIGUOUS || owner === undefined) return;
    if (isGuarded && !this.isEnforcedBy(owner, found.handler, found.class)) {
      throw new SessionConfigurationError(
        found.name,
        "belongs to the SessionModule that its module imports, and only another one's global guard stands before it: " +
          "add SessionGuard to its @UseGuards(), or set guard: 'global' for its own SessionModule, too",
      );
    }
  }

  private findPlace(handler: Function, controller: Function): Place {
    const owner = this.ownerOf(controller);
    if (owner === undefined || owner === AMBIGUOUS || owner.settings === this.settings) return 'own';
    return this.isEnforcedBy(owner, handler, controller) ? 'aside' : 'foreign';
  }

  private isEnforcedBy(realm: Realm, handler: Function, controller: Function): boolean {
    return this.isGuarding(realm) || isGuardedItself(handler, controller);
  }

  /** Whether its guard stands before every handler: by the option, by `APP_GUARD` or by `useGlobalGuards()`. */
  private isGuarding({ settings }: Realm): boolean {
    if (settings.guardGlobally) return true;
    const ofModules = this.config.getGlobalRequestGuards().some(({ metatype, host }) => {
      const owner = metatype && knowsSessions(metatype) && host ? this.ownerOfModule(host, []) : undefined;
      return owner !== undefined && owner !== AMBIGUOUS && owner.settings === settings;
    });
    return ofModules || this.config.getGlobalGuards().some((guard) => isGuardOf(guard, settings));
  }

  private ownerOf(controller: Function): Realm | typeof AMBIGUOUS | undefined {
    const owners = new Set(
      [...this.modules.values()]
        .filter(({ controllers, providers }) =>
          [...controllers.values(), ...providers.values()].some(({ metatype }) => metatype === controller),
        )
        .map((module) => this.ownerOfModule(module)),
    );
    return owners.size > 1 ? AMBIGUOUS : [...owners][0];
  }

  private ownerOfModule(
    module: Module,
    guarding = [...this.all.values()].filter((realm) => this.isGuarding(realm)),
  ): Realm | typeof AMBIGUOUS | undefined {
    const own = this.all.get(module);
    if (own) return own;
    const [first, ...others] = this.seenBy(module);
    if (first) return others.some(({ isGlobal }) => !isGlobal) ? AMBIGUOUS : first;
    return guarding.length > 1 ? AMBIGUOUS : guarding[0];
  }

  /** In the order in which Nest looks for a provider: the imports, and what those export in turn. Global modules come last. */
  private seenBy(module: Module, seen = new Set<Module>(), isExported = false): Realm[] {
    return [...module.imports].flatMap((imported) => {
      if (!imported || seen.has(imported)) return [];
      if (isExported && !module.exports.has(imported.metatype)) return [];
      seen.add(imported);
      const realm = this.all.get(imported);
      return realm ? [realm] : this.seenBy(imported, seen, true);
    });
  }

  private get all(): ReadonlyMap<Module, Realm> {
    return (this.known ??= new Map(
      [...this.modules.values()].flatMap((module): [Module, Realm][] => {
        const settings = module.providers.get(SESSION_SETTINGS);
        if (!settings) return [];
        return [[module, { isGlobal: module.isGlobal, settings: settings.instance as Settings }]];
      }),
    ));
  }
}

/** Whether a handler needs nobody's guard: it is public without doubt, or for services. */
function isOpen(found: Handler): boolean {
  const [ofHandler, ofClass] = [declaredAccessOf(found.handler), declaredAccessOf(found.class)];
  if (ofHandler.isPublic || ofHandler.scopes) return true;
  const isSilent = !ofHandler.isOptional && !ofHandler.allowsGuests && !declaresRequirements(ofHandler);
  return isSilent && (ofClass.isPublic === true || ofClass.scopes !== undefined);
}

function isGuardOf(guard: object, settings: object): boolean {
  return knowsSessions(guard.constructor) && (guard as RealmGuard).isOf(settings);
}

/** Guards on a handler or its class are made in their module, and so of the SessionModule that it belongs to. */
function isGuardedItself(handler: Function, controller: Function): boolean {
  return guardClassesOn(handler, controller).some((guard) => knowsSessions(guard) || enforcesAccess(guard));
}

function guardClassesOn(...targets: Function[]): Function[] {
  return targets.flatMap(guardsOn).map((guard) => (typeof guard === 'function' ? guard : guard.constructor));
}
