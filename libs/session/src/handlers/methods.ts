import type { DiscoveryService, MetadataScanner } from '@nestjs/core';

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
