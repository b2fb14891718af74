import { CHANNELS, REDIS_CALLS } from '../../telemetry/channels.js';
import type { RedisCallMessage, StorageMessage } from '../../telemetry/messages.js';
import { NO_REALM, type Realm } from '../../telemetry/realm.js';
import type { Script } from '../lua/script.js';
import { isReplyError, type ScriptCall } from './script-call.js';

/** As `CallTimeouts` and `withDeadline` have it. */
const TIMEOUT = /^Redis gave no answer within/;

interface CallTellingOptions {
  readonly realm?: Realm;
  readonly commandTimeoutMs: number;
}

/** Tells of the calls of one connection, and of the connection. */
export class CallTelling {
  private readonly realm: Realm;
  private readonly deadlineMs: number;

  constructor({ realm = NO_REALM, commandTimeoutMs }: CallTellingOptions) {
    this.realm = realm;
    this.deadlineMs = commandTimeoutMs;
  }

  /** Call it only where there are subscribers. One that is sent again in full is told of once, at its end. */
  ofSettled({ request: { script }, dueAt }: ScriptCall, error: Error | 'again' | undefined): void {
    if (error === 'again') return;
    const leftMs = dueAt - performance.now();
    // Without a term it was refused where it stood; a timeout takes the term away.
    const tookMs =
      leftMs === Infinity ? 0 : leftMs === -Infinity ? this.deadlineMs : this.deadlineMs - leftMs;
    this.tell(script, tookMs, error);
  }

  ofStorage(state: StorageMessage['state']): void {
    const channel = CHANNELS['latchkey.storage'];
    if (channel.hasSubscribers) channel.publish({ realm: this.realm, state } satisfies StorageMessage);
  }

  private tell(script: Script, durationMs: number, error: Error | undefined): void {
    const { realm, deadlineMs } = this;
    REDIS_CALLS.publish({ realm, script: script.name, outcome: outcomeOf(error), durationMs, deadlineMs });
  }
}

function outcomeOf(error: Error | undefined): RedisCallMessage['outcome'] {
  if (!error) return 'ok';
  if (isReplyError(error)) return 'refused';
  return TIMEOUT.test(error.message) ? 'timeout' : 'lost';
}
