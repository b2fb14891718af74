import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { functionsOf } from '../handlers/methods.js';
import { ProblemFilter } from './problem.filter.js';

// Metadata keys of Nest and its packages; where they can be imported from differs between versions, and the packages
// for WebSocket and microservices need not be there.
const FILTERS = '__exceptionFilters__';
const PATH = 'path';
const PATTERN = 'microservices:pattern';
const GATEWAY = 'websockets:is_gateway';

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
  const isGateway = Reflect.getMetadata(GATEWAY, owner) === true;
  const messages = handlers.filter((handler) => Reflect.hasMetadata(PATTERN, handler));
  if (!isGateway && messages.length === 0) return;
  const ofClass = filtersOf(owner);
  if (!handlers.some((handler) => Reflect.hasMetadata(PATH, handler))) {
    if (!ofClass.includes(filter)) Reflect.defineMetadata(FILTERS, [filter, ...ofClass], owner);
    return;
  }
  // On routes beside them, global filters of the app's own go first.
  for (const handler of messages) {
    const own = filtersOf(handler);
    if (!own.includes(filter)) Reflect.defineMetadata(FILTERS, [filter, ...ofClass, ...own], handler);
  }
}

function filtersOf(target: Function): readonly unknown[] {
  return (Reflect.getMetadata(FILTERS, target) as readonly unknown[] | undefined) ?? [];
}
