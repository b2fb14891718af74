import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { onTelemetry } from '@latchkey/session/telemetry';

/** How much of the past is kept: five minutes, second by second. */
export const KEPT_SECONDS = 300;

/** What was decided within one second. */
export interface ActivitySecond {
  /** When it began, in milliseconds. */
  readonly at: number;
  permitted: number;
  /** By reason. */
  readonly denied: Record<string, number>;
}

/** How many requests and messages this node permitted and denied, in memory alone. Counts hold no user. */
@Injectable()
export class Activity implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly seconds: ActivitySecond[] = [];
  private stop: (() => void) | undefined;

  onApplicationBootstrap(): void {
    this.stop = onTelemetry('latchkey.check', ({ context, decision, reason = 'unexpected' }) => {
      // Nobody asked for a connection to be looked at again.
      if (context !== 'recheck') this.count(decision === 'permit' ? undefined : reason);
    });
  }

  onApplicationShutdown(): void {
    this.stop?.();
  }

  /** @param reason why it was denied; absent, it was permitted */
  count(reason: string | undefined, now = Date.now()): void {
    const second = this.secondOf(now);
    if (reason === undefined) second.permitted += 1;
    else second.denied[reason] = (second.denied[reason] ?? 0) + 1;
  }

  /** The seconds in which anything happened, the oldest first. */
  recent(now = Date.now()): readonly ActivitySecond[] {
    return this.seconds.filter(({ at }) => at > now - KEPT_SECONDS * 1_000);
  }

  private secondOf(now: number): ActivitySecond {
    const at = now - (now % 1_000);
    const last = this.seconds.at(-1);
    // A clock that was set back counts on in the newest second.
    if (last && last.at >= at) return last;
    const second = { at, permitted: 0, denied: {} };
    if (this.seconds.push(second) > KEPT_SECONDS) this.seconds.shift();
    return second;
  }
}
