import type { MessageMappingProperties } from '@nestjs/websockets';
import { cut, type IoSocket } from '../contexts/socket.io/io.js';
import type { MessageCheck } from '../guard/calls/message-check.js';
import { Dispatcher, type HandlerCall, type MessageRules } from '../sockets/dispatcher.js';
import { MessageQueue } from '../sockets/message-queue.js';

type Args = readonly unknown[];
type Ack = (response: unknown) => void;

/** What Nest calls a handler by, and with one argument more, which guards see. */
type Callback = (data: unknown, ack: Function | undefined, check: MessageCheck) => unknown;

/** As Nest's adapter has it. */
type MapPayload = (payload: unknown) => { readonly data?: unknown; readonly ack?: Function };

interface BoundHandler {
  readonly callback: Callback;
  readonly transform: HandlerCall['transform'];
  readonly isAckHandledManually: boolean;
}

/** A message on its way: to handlers of gateways, or on to listeners of the app's own. */
type Waiting = { readonly event: string; readonly args: Args } | { readonly goOn: () => void };

/** More than this is no client that waits for its turn. */
const MAX_WAITING = 4_096;

/** The messages of one socket, one after the other, to the handlers of every gateway of its namespace. */
export class IoMessages {
  private readonly handlers = new Map<string, BoundHandler[]>();
  private readonly queue: MessageQueue<Waiting>;

  constructor(
    private readonly socket: IoSocket,
    rules: MessageRules & { readonly mapPayload: MapPayload },
  ) {
    const { conn } = socket.client;
    const dispatcher = new Dispatcher(rules);
    this.queue = new MessageQueue<Waiting>(
      pausable(conn),
      (one) =>
        'goOn' in one
          ? dispatcher.permitOther(one.goOn)
          : dispatcher.dispatch(() => this.callsFor(one, rules.mapPayload)),
      { maxWaiting: MAX_WAITING, onOverflow: () => cut(conn) },
    );
    // What no handler of a gateway is for goes to listeners of the app's own, if there are any: checked as well. Its turn
    // comes when it would be emitted, which is with the next tick.
    socket.use(([event], next) => {
      const name = String(event);
      if (this.handlers.has(name)) next();
      else process.nextTick(() => this.takeOther(name, next));
    });
  }

  /** Of two handlers for one message both count, as with Nest's own adapter. */
  bind(handlers: readonly MessageMappingProperties[], transform: HandlerCall['transform']): void {
    for (const { message, callback, isAckHandledManually } of handlers) {
      const event = String(message);
      const bound = { callback: callback as Callback, transform, isAckHandledManually };
      const others = this.handlers.get(event);
      if (others) others.push(bound);
      else {
        this.handlers.set(event, [bound]);
        // Where middleware of the app's own has let it through.
        this.socket.on(event, (...args) => this.queue.take({ event, args }));
      }
    }
  }

  private takeOther(event: string, goOn: () => void): void {
    this.queue.take(this.socket.listenerCount(event) > 0 ? { goOn } : { event, args: [] });
  }

  private callsFor(
    { event, args }: { readonly event: string; readonly args: Args },
    mapPayload: MapPayload,
  ): HandlerCall[] {
    const { data, ack } = mapPayload(args.length > 1 ? args : args[0]);
    return (this.handlers.get(event) ?? []).map(({ callback, transform, isAckHandledManually }) => ({
      run: (check) => callback(data, ack, check),
      transform,
      reply: (response) => {
        const { event: name, data: content } = Object(response) as { event?: string; data?: unknown };
        if (name) this.socket.emit(name, content);
        else if (ack && !isAckHandledManually) (ack as Ack)(response);
      },
    }));
  }
}

/** What holds a client back: with polling, nothing does. */
function pausable(conn: IoSocket['client']['conn']) {
  let held: { resume(): void } | undefined;
  return {
    pause: () => {
      const { socket } = conn.transport;
      socket?.pause();
      held = socket;
    },
    resume: () => held?.resume(),
  };
}
