import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { fieldOf, handshakeOf } from '../../contexts/graphql/graphql.js';
import { CONTEXTS } from '../../handlers/contexts.js';

type Handler = ReturnType<ExecutionContext['getHandler']>;
type Gateway = ReturnType<ExecutionContext['getClass']>;

/**
 * One message on its way to one handler, among the arguments that guards see. The first guard that asks has it checked,
 * by the handler that is about to run; nobody looks a handler up by its name.
 */
export class MessageCheck {
  private checking: Promise<void> | undefined;

  /**
   * @param permit rejects when the handler must not have the message; else leaves whom it is from beside `check`: the client's
   * other messages may be checked before this one's handler asks
   */
  constructor(
    private readonly permit: (handler: Handler, gateway: Gateway, check: MessageCheck) => Promise<void>,
  ) {}

  pass(context: ExecutionContext): Promise<void> {
    this.checking ??= this.permit(context.getHandler(), context.getClass(), this);
    return this.checking;
  }
}

const IS_PLACED: unique symbol = Symbol.for('@latchkey/session:placed-guard') as never;

/** A guard that the library itself puts before handlers, besides those that enforce what the app declared. */
export abstract class PlacedGuard implements CanActivate {
  readonly [IS_PLACED] = true;
  abstract canActivate(context: ExecutionContext): boolean | Promise<boolean>;
}

export function isPlacedGuard(guard: object): boolean {
  return IS_PLACED in guard;
}

/** Where our adapters put it: after the client, the data, and the event or the acknowledgement. */
const POSITION = 3;

/** What checks the operations that come by a GraphQL connection: by the handshake that it began with. */
const byHandshake = new WeakMap<object, (field: object) => MessageCheck>();

/** Has the operations of a GraphQL connection checked, field by field. */
export function checkOperations(handshake: object, checkOf: (field: object) => MessageCheck): void {
  byHandshake.set(handshake, checkOf);
}

/** @returns `undefined` for a message or an operation that came by something else than ours */
export function messageCheckOf(context: ExecutionContext): MessageCheck | undefined {
  const args = context.getArgs<unknown[]>();
  const argument = args[POSITION];
  if (argument instanceof MessageCheck) return argument;
  const isOperation = context.getType<string>() === CONTEXTS.graphql.type;
  const handshake = isOperation ? handshakeOf(args) : undefined;
  return handshake && byHandshake.get(handshake)?.(fieldOf(args));
}
