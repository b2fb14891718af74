import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';

/** How much of the past is kept: five minutes, second by second. */
export const KEPT_SECONDS = 300;
/** The library's channel: one message a decision. */
const CHANNEL = 'latchkey.check';

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

  onApplicationBootstrap(): void {
    subscribe(CHANNEL, this.onCheck);
  }

  onApplicationShutdown(): void {
    unsubscribe(CHANNEL, this.onCheck);
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

  private readonly onCheck = (message: unknown): void => {
    this.count((message as { readonly reason?: string }).reason);
  };

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
