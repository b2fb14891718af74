import type { Observable } from 'rxjs';
import { MessageCheck } from '../guard/calls/message-check.js';
import { SessionError } from '../model/session-error.js';

/** How messages are checked, and what becomes of those that are refused. */
export interface MessageRules {
  /**
   * Rejects when the handler must not have the message; else leaves beside that whom it is from. Without a handler: whether the
   * sender may say anything.
   */
  readonly permit: (handler?: Function, gateway?: Function, message?: object) => Promise<void>;
  /** Whether anybody is there to answer. */
  readonly isOpen: () => boolean;
  /** Tells the client at once, whatever is held back. */
  readonly refuse: (error: SessionError) => void;
  readonly onFault: (error: unknown) => void;
}

/** One handler that a message is for. */
export interface HandlerCall {
  /** Calls it as Nest has prepared it, with one argument more, which guards see. */
  readonly run: (check: MessageCheck) => unknown;
  /** Nest's own, from what that gives to its responses. */
  readonly transform: (result: unknown) => Observable<unknown>;
  readonly reply: (response: unknown) => void;
}

/** Brings messages to their handlers, each checked by the handler that is about to run. */
export class Dispatcher {
  constructor(private readonly rules: MessageRules) {}

  /** Resolves as soon as it is decided who has the message: the next one need not wait for the end. Never rejects. */
  async dispatch(calls: () => readonly HandlerCall[]): Promise<void> {
    if (!this.rules.isOpen()) return;
    try {
      const addressed = calls();
      if (addressed.length === 0) {
        await this.rules.permit();
        throw new SessionError('bad_request', { detail: 'No such message is known' });
      }
      for (const call of addressed) await this.run(call);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Lets something happen that no handler of a gateway is for, if the sender may say anything. Never rejects. */
  async permitOther(act: () => void): Promise<void> {
    if (!this.rules.isOpen()) return;
    try {
      await this.rules.permit();
      this.assertOpen();
      act();
    } catch (error) {
      this.fail(error);
    }
  }

  private run({ run, transform, reply }: HandlerCall): Promise<void> {
    return new Promise((decided, reject) => {
      const check = new MessageCheck((handler, gateway, message) =>
        this.rules
          .permit(handler, gateway, message)
          .then(() => this.assertOpen())
          .finally(decided),
      );
      try {
        transform(run(check)).subscribe({
          next: (response) => {
            decided();
            this.reply(reply, response);
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
    if (!this.rules.isOpen()) throw new SessionError('session_missing');
  }

  private reply(reply: HandlerCall['reply'], response: unknown): void {
    if (response == null || !this.rules.isOpen()) return;
    try {
      reply(response);
    } catch (error) {
      this.rules.onFault(error); // it is no JSON
    }
  }

  private fail(error: unknown): void {
    if (!(error instanceof SessionError)) this.rules.onFault(error);
    else if (this.rules.isOpen()) this.rules.refuse(error);
  }
}
