import { Injectable, Logger } from '@nestjs/common';
import type { Act } from './actions.js';
import { LoggedAudit } from './logged-audit.js';

const LOG_INTERVAL_MS = 10_000;

/** Writes down denials that are worth knowing. They are told to the client all the same when that fails. */
@Injectable()
export class Denials {
  private readonly logger = new Logger(Denials.name);
  private lastLoggedAt = -Infinity;

  constructor(private readonly audit: LoggedAudit) {}

  async note(denied: Act): Promise<void> {
    try {
      await this.audit.append({ ...denied, outcome: 'denied' });
    } catch (error) {
      const now = performance.now();
      if (now - this.lastLoggedAt < LOG_INTERVAL_MS) return;
      this.lastLoggedAt = now;
      this.logger.warn(`Denials go without their audit entries: ${String(error)}`);
    }
  }
}
