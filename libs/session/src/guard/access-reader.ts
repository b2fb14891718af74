import { Inject, Injectable } from '@nestjs/common';
import type { AccessRequirements } from '../model/decision.js';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import type { SessionSettings } from '../options/settings.js';
import { mergeAccess, sessionOnly, type Access } from '../rules/access.js';
import { declaredAccessOf } from './decorators/declarations.js';
import { type Place, Realms } from './realms.js';

/** The access to each handler, worked out once. */
@Injectable()
export class AccessReader {
  // By handler, then by class: a method that two controllers inherit is one function.
  private readonly accesses = new WeakMap<object, WeakMap<object, Access>>();

  constructor(
    @Inject(SESSION_SETTINGS) private readonly settings: SessionSettings,
    private readonly realms: Realms,
  ) {}

  /** Whether this module's guard decides on a handler; else another `SessionModule`'s does, and this one stands aside. */
  isMine(handler: Function, controller: Function): boolean {
    return this.realms.isAlone || this.realms.isMine(handler, controller);
  }

  /** What this module's guard has to do with a handler. */
  placeOf(handler: Function, controller: Function): Place {
    return this.realms.isAlone ? 'own' : this.realms.placeOf(handler, controller);
  }

  /** Whether this is of the `SessionModule` with these settings. */
  isOf(settings: object): boolean {
    return this.realms.isOf(settings);
  }

  /** Whether what a class serves is for sessions of this `SessionModule`. */
  owns(owned: Function): boolean {
    return this.realms.owns(owned);
  }

  /** @throws SessionConfigurationError where the guard stands before a handler of another `SessionModule` */
  assertOwnBehind(knows: (guard: Function) => boolean, name: string): void {
    this.realms.assertOwnBehind(knows, name);
  }

  /** The classes of all guards of the app. */
  guards(): ReadonlySet<Function> {
    return this.realms.guards();
  }

  /** What a handler demands that says nothing and is not public. */
  get sessionOnly(): AccessRequirements {
    return sessionOnly(this.settings.ipPolicy.requirements);
  }

  /** @throws SessionConfigurationError when the decorators contradict each other */
  of(handler: { readonly name: string }, controller: { readonly name: string }): Access {
    let byClass = this.accesses.get(handler);
    const known = byClass?.get(controller);
    if (known) return known;
    const declared = { handler: declaredAccessOf(handler), class: declaredAccessOf(controller) };
    const access = mergeAccess(declared, this.settings, `${controller.name}.${handler.name}`);
    if (!byClass) this.accesses.set(handler, (byClass = new WeakMap()));
    byClass.set(controller, access);
    return access;
  }
}
