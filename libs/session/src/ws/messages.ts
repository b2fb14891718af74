import type { MessageMappingProperties } from '@nestjs/websockets';
import type { MessageCheck } from '../guard/calls/message-check.js';
import type { WsSocket } from '../contexts/ws/ws.js';
import { Dispatcher, type HandlerCall, type MessageRules } from '../sockets/dispatcher.js';
import { MessageQueue } from '../sockets/message-queue.js';

export interface ParsedMessage {
  readonly event: unknown;
  readonly data: unknown;
}

/** What Nest calls a handler by, and with one argument more, which guards see. */
type Callback = (data: unknown, event: unknown, check: MessageCheck) => unknown;

/** The messages of one socket, one after the other, to the handlers of every gateway at its path. */
export class Messages {
  private readonly gateways: {
    readonly handlers: ReadonlyMap<unknown, Callback>;
    readonly transform: HandlerCall['transform'];
  }[] = [];

  constructor(
    private readonly socket: WsSocket,
    rules: MessageRules & { readonly parse: (data: Buffer) => ParsedMessage | undefined },
  ) {
    const dispatcher = new Dispatcher(rules);
    const queue = new MessageQueue<Buffer>(socket, (data) =>
      dispatcher.dispatch(() => this.callsFor(rules.parse(data))),
    );
    socket.on('message', (data) => queue.take(data));
  }

  /** Of two handlers of one gateway for one message the last one counts, as with Nest's own adapter. */
  bind(handlers: readonly MessageMappingProperties[], transform: HandlerCall['transform']): void {
    this.gateways.push({
      handlers: new Map(handlers.map(({ message, callback }) => [message as unknown, callback as Callback])),
      transform,
    });
  }

  private callsFor(message: ParsedMessage | undefined): HandlerCall[] {
    if (!message) return [];
    const { data, event } = message;
    return this.gateways.flatMap(({ handlers, transform }) => {
      const callback = handlers.get(event);
      if (!callback) return [];
      return {
        run: (check) => callback(data, event, check),
        transform,
        reply: (response) => this.socket.send(JSON.stringify(response)),
      };
    });
  }
}
