import type { INestApplication, INestMicroservice, ModuleMetadata, Type } from '@nestjs/common';
import type { MicroserviceOptions } from '@nestjs/microservices';

/** What stands on one handler and its class. */
export interface Target {
  readonly onHandler: readonly MethodDecorator[];
  readonly onClass: readonly ClassDecorator[];
  /** Called whenever the handler runs. */
  readonly ran: () => void;
}

export interface Subject {
  readonly owner: Type;
  readonly module: ModuleMetadata;
}

/** One way in which Nest lets clients call a method. */
export interface Kind {
  readonly name: string;
  /** `http`: an app; `hybrid`: one with a microservice beside it; `rpc`: a microservice alone. */
  readonly app: 'http' | 'hybrid' | 'hybrid-inheriting' | 'rpc';
  /** Much like another one: a few decorators will do. */
  readonly isVariant?: boolean;
  readonly subject: (target: Target) => Subject;
  readonly prepare?: (app: INestApplication) => void;
  /** Of a microservice, what it listens to; by default TCP. */
  readonly microservice?: (port: number) => MicroserviceOptions;
  /** Asks for it as nobody, and resolves when the handler had time to run. */
  readonly call: (at: { readonly url: string; readonly tcpPort: number }) => Promise<void>;
}

export function decorate(
  owner: Type,
  method: string,
  onMethod: readonly MethodDecorator[],
  onClass: readonly ClassDecorator[],
): void {
  const prototype = owner.prototype as object;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, method)!;
  for (const one of onMethod) one(prototype, method, descriptor);
  Object.defineProperty(prototype, method, descriptor); // some put another function there
  for (const one of onClass) one(owner);
}

export type AnyApp = INestApplication | INestMicroservice;
