import type { MessageMappingProperties } from '@nestjs/websockets';
import type { Observable } from 'rxjs';
import { MessageCheck } from '../guard/message-check.js';
import { toProblem } from '../guard/problem.js';
import { SessionError } from '../model/session-error.js';
import { isOpen, type WsSocket } from '../contexts/ws/ws.js';
import { MessageQueue } from '../sockets/message-queue.js';

export interface ParsedMessage {
  readonly event: unknown;
  readonly data: unknown;
}

type Transform = (data: unknown) => Observable<unknown>;
/** What Nest calls a handler by, and with one argument more, which guards see. */
type Callback = (data: unknown, event: unknown, check: MessageCheck) => unknown;

/** How messages are read and checked, and where faults are told. */
interface MessageRules {
  readonly parse: (data: Buffer) => ParsedMessage | undefined;
  /** Rejects when the handler must not have the message. Without a handler: whether the sender may say anything. */
  readonly permit: (handler?: Function, gateway?: Function) => Promise<void>;
  /** Says something to the client at once, whatever is held back. */
  readonly say: (text: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** The messages of one socket, one after the other, to the handlers of every gateway at its path. */
export class Messages {
  private readonly gateways: {
    readonly handlers: ReadonlyMap<unknown, Callback>;
    readonly transform: Transform;
  }[] = [];

  constructor(
    private readonly socket: WsSocket,
    private readonly rules: MessageRules,
  ) {
    const queue = new MessageQueue<Buffer>(socket, (data) => this.handle(data));
    socket.on('message', (data) => queue.take(data));
  }

  /** Of two handlers of one gateway for one message the last one counts, as with Nest's own adapter. */
  bind(handlers: readonly MessageMappingProperties[], transform: Transform): void {
    this.gateways.push({
      handlers: new Map(handlers.map(({ message, callback }) => [message as unknown, callback as Callback])),
      transform,
    });
  }

  private async handle(data: Buffer): Promise<void> {
    if (!isOpen(this.socket)) return;
    try {
      const message = this.rules.parse(data);
      const addressed = message ? this.gateways.filter(({ handlers }) => handlers.has(message.event)) : [];
      if (!message || addressed.length === 0) {
        await this.rules.permit();
        throw new SessionError('bad_request', { detail: 'No such message is known' });
      }
      for (const { handlers, transform } of addressed)
        await this.dispatch(handlers.get(message.event) as Callback, message, transform);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Resolves as soon as it is decided whether the handler has the message: the next one need not wait for its end. */
  private dispatch(callback: Callback, { data, event }: ParsedMessage, transform: Transform): Promise<void> {
    return new Promise((decided, reject) => {
      const check = new MessageCheck((handler, gateway) =>
        this.rules
          .permit(handler, gateway)
          .then(() => this.assertOpen())
          .finally(decided),
      );
      try {
        transform(callback(data, event, check)).subscribe({
          next: (response) => {
            decided();
            this.reply(response);
          },
          error: (error: unknown) => {
            decided();
            this.fail(error);
          },
          complete: () => decided(),
        });
      } catch (error) {
        reject(error);
      }
    });
  }

  /** The client may have gone while its message was checked. */
  private assertOpen(): void {
    if (!isOpen(this.socket)) throw new SessionError('session_missing');
  }

  private reply(response: unknown): void {
    if (response == null || !isOpen(this.socket)) return;
    try {
      this.socket.send(JSON.stringify(response));
    } catch (error) {
      this.rules.onFault(error); // it is no JSON
    }
  }

  private fail(error: unknown): void {
    if (!(error instanceof SessionError)) {
      this.rules.onFault(error);
      return;
    }
    if (isOpen(this.socket)) this.rules.say(JSON.stringify({ event: 'exception', data: toProblem(error) }));
  }
}
