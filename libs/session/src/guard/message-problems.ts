import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { CONTEXTS } from '../handlers/contexts.js';
import { functionsOf } from '../handlers/methods.js';
import { EXCEPTION_FILTERS, PATH } from '../handlers/nest-metadata.js';
import { ProblemFilter } from './problem.filter.js';

const MARKS = Object.values(CONTEXTS).flatMap(({ filterOn }) => filterOn ?? []);

const filter = new ProblemFilter();

/**
 * Puts our filter on what no global filter reaches: gateways, and the message handlers of a hybrid app that does not
 * share its configuration. Filters of the class and the method go before it. Nest looks at the metadata as soon as a
 * microservice is connected, which is before any hook: hence the constructor.
 */
@Injectable()
export class MessageProblems {
  constructor(modules: ModulesContainer) {
    for (const { controllers, providers } of modules.values()) {
      for (const { metatype } of [...controllers.values(), ...providers.values()])
        if (typeof metatype === 'function') addFilter(metatype);
    }
  }
}

function addFilter(owner: Function): void {
  const handlers = functionsOf(owner);
  const isMarked = (what: 'class' | 'handler', target: Function): boolean =>
    MARKS.some((one) => one.what === what && Reflect.hasMetadata(one.mark, target));
  const messages = handlers.filter((handler) => isMarked('handler', handler));
  if (!isMarked('class', owner) && messages.length === 0) return;
  const ofClass = filtersOf(owner);
  if (!handlers.some((handler) => Reflect.hasMetadata(PATH, handler))) {
    if (!ofClass.includes(filter)) Reflect.defineMetadata(EXCEPTION_FILTERS, [filter, ...ofClass], owner);
    return;
  }
  // On routes beside them, global filters of the app's own go first.
  for (const handler of messages) {
    const own = filtersOf(handler);
    if (!own.includes(filter))
      Reflect.defineMetadata(EXCEPTION_FILTERS, [filter, ...ofClass, ...own], handler);
  }
}

function filtersOf(target: Function): readonly unknown[] {
  return (Reflect.getMetadata(EXCEPTION_FILTERS, target) as readonly unknown[] | undefined) ?? [];
}
