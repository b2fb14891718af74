import { Logger } from '@nestjs/common';

const INTERVAL_MS = 10_000;

/** A line for the log, every ten seconds at most: what others may cause as often as they like must not fill it. */
export class RareWarning {
  private readonly logger: Logger;
  private lastLoggedAt = -Infinity;

  /** @param context who says it */
  constructor(context: string) {
    this.logger = new Logger(context);
  }

  say(line: string): void {
    const now = performance.now();
    if (now - this.lastLoggedAt < INTERVAL_MS) return;
    this.lastLoggedAt = now;
    this.logger.warn(line);
  }
}
