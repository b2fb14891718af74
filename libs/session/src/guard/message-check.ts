import type { CanActivate, ExecutionContext } from '@nestjs/common';

type Handler = ReturnType<ExecutionContext['getHandler']>;
type Gateway = ReturnType<ExecutionContext['getClass']>;

/**
 * One message on its way to one handler, among the arguments that guards see. The first guard that asks has it checked,
 * by the handler that is about to run; nobody looks a handler up by its name.
 */
export class MessageCheck {
  private checking: Promise<void> | undefined;

  /** @param permit rejects when the handler must not have the message */
  constructor(private readonly permit: (handler: Handler, gateway: Gateway) => Promise<void>) {}

  pass(context: ExecutionContext): Promise<void> {
    this.checking ??= this.permit(context.getHandler(), context.getClass());
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

/** @returns `undefined` for a message that came by another adapter than ours */
export function messageCheckOf(context: ExecutionContext): MessageCheck | undefined {
  const argument: unknown = context.getArgByIndex(POSITION);
  return argument instanceof MessageCheck ? argument : undefined;
}
