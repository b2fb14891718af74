import type { NestInterceptor } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { from, map, type Observable, switchMap, tap } from 'rxjs';
import { functionsOf } from '../handlers/methods.js';
import { INTERCEPTORS, RESOLVER_TYPE } from '../handlers/nest-metadata.js';
import { EndingIterator, type OpenSubscription } from './ending-iterator.js';

/** How the subscription of a field that has passed its guards is registered. */
const registrations = new WeakMap<object, () => Promise<OpenSubscription>>();

/** Has a subscription registered when it begins, and end when that is told to. */
export function endWith(field: object, register: () => Promise<OpenSubscription>): void {
  registrations.set(field, register);
}

export function isSubscription(handler: Function): boolean {
  return Reflect.getMetadata(RESOLVER_TYPE, handler) === 'Subscription';
}

/** Puts the interceptor on subscriptions, before any of their own: Nest reads the metadata after every constructor. */
export function watchSubscriptions(modules: ModulesContainer): void {
  for (const { providers } of modules.values()) {
    for (const { metatype } of providers.values()) {
      if (typeof metatype !== 'function') continue;
      for (const handler of functionsOf(metatype).filter(isSubscription)) {
        const own = (Reflect.getMetadata(INTERCEPTORS, handler) as readonly unknown[] | undefined) ?? [];
        if (!own.includes(ending)) Reflect.defineMetadata(INTERCEPTORS, [ending, ...own], handler);
      }
    }
  }
}

const ending: NestInterceptor = {
  intercept(context, next): Observable<unknown> {
    const register = registrations.get(context.getArgs<object[]>().at(-1) as object);
    if (!register) return next.handle();
    return from(register()).pipe(
      switchMap((connection) =>
        next.handle().pipe(
          map((values) => {
            if (isIterable(values)) return new EndingIterator(values, connection);
            connection.closed(); // GraphQL will say what is wrong with it
            return values;
          }),
          tap({ error: () => connection.closed() }),
        ),
      ),
    );
  },
};

function isIterable(values: unknown): values is AsyncIterable<unknown> {
  return typeof values === 'object' && values !== null && Symbol.asyncIterator in values;
}
