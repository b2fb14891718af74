import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { EVENT_PATTERN, PATTERN, PATTERN_TYPE, SSE } from './nest-metadata.js';

export type Provider = ReturnType<DiscoveryService['getProviders']>[number];
export type Method = readonly [name: string, handler: Function];

/** The methods of a class and of those that it extends, as Nest sees them. */
export function methodsOf(owner: Function, scanner: MetadataScanner): readonly Method[] {
  const prototype = owner.prototype as Record<string, unknown> | undefined;
  if (!prototype) return [];
  return scanner.getAllMethodNames(prototype).flatMap((name): Method[] => {
    const handler = prototype[name];
    return typeof handler === 'function' ? [[name, handler]] : [];
  });
}

/** The class that Nest makes an instance of; `undefined` for what a factory makes. */
export function madeClassOf({ metatype, isNotMetatype }: Provider): Function | undefined {
  return !isNotMetatype && typeof metatype === 'function' ? metatype : undefined;
}

/** The class of what a provider gives, also when a factory makes it. */
export function classOf(provider: Provider): Function | undefined {
  if (!provider.isNotMetatype) return madeClassOf(provider);
  const instance: unknown = provider.instance;
  if (typeof instance !== 'object' || instance === null) return undefined;
  return (Object.getPrototypeOf(instance) as { constructor?: Function } | null)?.constructor;
}

/** Whether the handler is an `@Sse()` one. */
export function isSse(handler: Function): boolean {
  return Reflect.getMetadata(SSE, handler) === true;
}

/** Whether the handler answers messages of a microservice. */
export function isRequest(handler: Function): boolean {
  const type: unknown = Reflect.getMetadata(PATTERN_TYPE, handler);
  return type !== undefined && type !== EVENT_PATTERN;
}

/** Whether it is a gRPC handler whose client streams: `@GrpcStreamMethod()`, `@GrpcStreamCall()`. */
export function isGrpcStream(handler: Function): boolean {
  const patterns = (Reflect.getMetadata(PATTERN, handler) ?? []) as readonly { streaming?: string }[];
  return patterns.some(({ streaming }) => streaming === 'rx_stream' || streaming === 'pt_stream');
}

/** The prototypes of a class and of those that it extends. */
export function prototypesOf(owner: Function): object[] {
  const prototypes: object[] = [];
  let at = owner.prototype as object | null | undefined;
  for (; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) prototypes.push(at);
  return prototypes;
}

/** Every function of a class and of those that it extends, also one that another has taken the place of. */
export function functionsOf(owner: Function): Function[] {
  return prototypesOf(owner)
    .flatMap((prototype) => Object.values(Object.getOwnPropertyDescriptors(prototype)))
    .map(({ value }: PropertyDescriptor): unknown => value)
    .filter((value): value is Function => typeof value === 'function' && value !== owner);
}
