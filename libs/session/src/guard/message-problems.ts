import { type ArgumentsHost, Catch, Injectable, Logger } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Observable } from 'rxjs';
import { NOTHING } from '../contexts/rpc/answer.js';
import { CONTEXTS } from '../handlers/contexts.js';
import { functionsOf } from '../handlers/methods.js';
import { EVENT_PATTERN, EXCEPTION_FILTERS, PATTERN_TYPE } from '../handlers/nest-metadata.js';
import { SessionError } from '../model/session-error.js';
import { ProblemFilter } from './problem.filter.js';

const MARKS = Object.values(CONTEXTS).flatMap(({ filterOn }) => filterOn ?? []);

const LOG_INTERVAL_MS = 10_000;
/** The statuses of events that will be refused as often as they come. */
const DROPPED: ReadonlySet<number> = new Set([400, 401, 403]);

const filter = new ProblemFilter();

/**
 * Puts our filter on what no global filter reaches: gateways, and the message handlers of a hybrid app that does not
 * share its configuration. Filters of the class and the method go before it. Nest looks at the metadata as soon as a
 * microservice is connected, which is before any hook: hence the constructor.
 */
@Injectable()
export class MessageProblems {
  constructor(modules: ModulesContainer) {
    const owners = new Set<Function>();
    for (const { controllers, providers } of modules.values()) {
      for (const { metatype } of [...controllers.values(), ...providers.values()])
        if (typeof metatype === 'function') owners.add(metatype);
    }
    const sharing = new Map<Function, Function[]>();
    for (const owner of owners) {
      addToClass(owner);
      for (const handler of functionsOf(owner).filter((one) => isMarked('handler', one)))
        sharing.set(handler, [...(sharing.get(handler) ?? []), owner]);
    }
    for (const [handler, ofThese] of sharing) addToHandler(handler, ofThese);
  }
}

function isMarked(what: 'class' | 'handler', target: Function): boolean {
  return MARKS.some((one) => one.what === what && Reflect.hasMetadata(one.mark, target));
}

function addToClass(owner: Function): void {
  const own = filtersOf(owner);
  if (isMarked('class', owner) && !own.some(isOurs))
    Reflect.defineMetadata(EXCEPTION_FILTERS, [filter, ...own], owner);
}

/**
 * On a handler ours goes last, too, behind those of its class. On routes beside it, global ones of the app's go first.
 * @param owners the class; several that inherit it, each of which may have filters of its own: those are left where they are
 */
function addToHandler(handler: Function, owners: readonly Function[]): void {
  const own = filtersOf(handler);
  const [owner] = owners;
  if (!owner || own.some(isOurs)) return;
  const isEvent = Reflect.getMetadata(PATTERN_TYPE, handler) === EVENT_PATTERN;
  const ours = isEvent ? new EventProblemFilter(`${owner.name}.${handler.name}`) : filter;
  const ofClass = owners.length === 1 ? filtersOf(owner) : [];
  Reflect.defineMetadata(EXCEPTION_FILTERS, [ours, ...ofClass, ...own], handler);
}

function isOurs(one: unknown): boolean {
  return one === filter || one instanceof EventProblemFilter;
}

function filtersOf(target: Function): readonly unknown[] {
  return (Reflect.getMetadata(EXCEPTION_FILTERS, target) as readonly unknown[] | undefined) ?? [];
}

/** Nobody waits for the answer to an event: what becomes of it is said in the log. */
@Catch(SessionError)
class EventProblemFilter extends ProblemFilter {
  private readonly events = new Logger('SessionModule');
  private lastDroppedAt = -Infinity;

  constructor(private readonly handler: string) {
    super();
  }

  /** The transport hears of what may succeed later, and of what the handler itself threw: Kafka brings that once more. */
  override catch(error: SessionError, host: ArgumentsHost): void | Observable<never> {
    this.tell(error);
    return DROPPED.has(error.statusCode) ? NOTHING : super.catch(error, host);
  }

  /** One line in ten seconds at most for each handler: who sends such events sends many. */
  private tell({ code }: SessionError): void {
    const now = performance.now();
    if (now - this.lastDroppedAt < LOG_INTERVAL_MS) return;
    this.lastDroppedAt = now;
    this.events.warn(`An event for ${this.handler} failed: ${code}`);
  }
}
