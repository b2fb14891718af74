import { HttpException, Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '@latchkey/session';
import type { AuditOutcome, NewAuditEntry, OpenAct } from '@latchkey/session/audit';
import { Problem } from '../problem/problem.js';
import { type Act, isRoutine } from './actions.js';

/** Where the lines of acts come from, for whoever filters the log. */
export const ACTS_CONTEXT = 'Acts';

/**
 * The audit log, and a line in the process's log for each act: what, who, whom, from where, and what became of it. Neither
 * names of sessions nor what people wrote go there.
 */
@Injectable()
export class LoggedAudit {
  private readonly logger = new Logger(ACTS_CONTEXT);

  constructor(private readonly audit: AuditLog) {}

  async append(entry: NewAuditEntry & Act): Promise<string> {
    const id = await this.audit.append({ ...entry, isRoutine: isRoutine(entry.action) });
    const { code } = (entry.details ?? {}) as { code?: unknown };
    this.write(entry, { outcome: entry.outcome, ...(typeof code === 'string' ? { code } : {}) });
    return id;
  }

  async record<T>(act: Act, perform: (act: OpenAct) => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    let { actorId } = act;
    const tell = (told: { readonly outcome: AuditOutcome; readonly code?: string }): void => {
      const ms = Math.round(performance.now() - startedAt);
      this.write({ ...act, actorId }, { ...told, ms });
    };
    try {
      const result = await this.audit.record({ ...act, isRoutine: isRoutine(act.action) }, (open) =>
        perform({
          add: (more) => {
            actorId = more.actorId ?? actorId;
            open.add(more);
          },
          done: () => open.done(),
        }),
      );
      tell({ outcome: 'ok' });
      return result;
    } catch (error) {
      tell(endOf(error));
      throw error;
    }
  }

  private write({ action, actorId, targetId, ip }: Act, told: object): void {
    this.logger.log({
      action,
      ...(actorId && { actorId }),
      ...(targetId && { targetId }),
      ...(ip && { ip }),
      ...told,
    });
  }
}

function endOf(error: unknown): { readonly outcome: AuditOutcome; readonly code?: string } {
  const status =
    error instanceof Problem ? error.status : error instanceof HttpException ? error.getStatus() : 500;
  const outcome = [401, 403, 429].includes(status) ? 'denied' : status < 500 ? 'failed' : 'unknown';
  const { code } = Object(error) as { code?: unknown };
  return { outcome, ...(typeof code === 'string' ? { code } : {}) };
}
