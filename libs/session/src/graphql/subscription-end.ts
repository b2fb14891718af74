import type { NestInterceptor } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { finalize, from, map, type Observable, switchMap } from 'rxjs';
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
    const registered = register();
    let isHandedOver = false;
    return from(registered).pipe(
      switchMap((connection) =>
        next.handle().pipe(
          map((values) => {
            if (!isIterable(values)) return values; // GraphQL will say what is wrong with it
            isHandedOver = true;
            return new EndingIterator(values, connection);
          }),
        ),
      ),
      // By a value that is none, by an error, without any, or because nobody waits any more.
      finalize(() => {
        if (!isHandedOver)
          registered.then(
            (connection) => connection.closed(),
            () => undefined,
          );
      }),
    );
  },
};

function isIterable(values: unknown): values is AsyncIterable<unknown> {
  return typeof values === 'object' && values !== null && Symbol.asyncIterator in values;
}
