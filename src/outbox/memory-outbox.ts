import { type Message, Outbox } from './outbox.js';

interface KeptMessage extends Message {
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
}

const MAX_MESSAGES = 100;

/** For development: delivers nothing, and keeps the last messages in this process's memory for `GET /dev/outbox`. */
export class MemoryOutbox extends Outbox {
  private kept: readonly KeptMessage[] = [];

  send(message: Message): void {
    this.kept = [{ ...message, at: Date.now() }, ...this.kept].slice(0, MAX_MESSAGES);
  }

  /** Newest first. */
  get messages(): readonly KeptMessage[] {
    return this.kept;
  }
}
