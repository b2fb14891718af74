import { Injectable } from '@nestjs/common';
import { authenticatedSessionOf, SessionTransport } from '@latchkey/session';
import type { AuditDetails, OpenAct } from '@latchkey/session/audit';
import type { Request } from 'express';
import { isUserId } from '../users/account.js';
import type { AuditAction } from './actions.js';
import { LoggedAudit } from './logged-audit.js';

interface RequestedAct {
  readonly action: AuditAction;
  /** A user, as the path has it. */
  readonly targetId?: string;
  readonly details?: AuditDetails;
}

/** Does what a request asks for, and says in the audit log who asked and from where. */
@Injectable()
export class ActRecorder {
  private readonly recorded = new WeakSet<object>();

  constructor(
    private readonly audit: LoggedAudit,
    private readonly transport: SessionTransport,
  ) {}

  async record<T>(
    request: Request,
    { targetId, ...act }: RequestedAct,
    perform: (act: OpenAct) => Promise<T>,
  ): Promise<T> {
    const who = {
      actorId: authenticatedSessionOf(request)?.user.id,
      targetId: targetId !== undefined && isUserId(targetId) ? targetId : undefined,
      ip: this.transport.clientIp(request),
    };
    try {
      return await this.audit.record({ ...act, ...who }, perform);
    } catch (error) {
      if (error instanceof Error) this.recorded.add(error);
      throw error;
    }
  }

  /** Whether an error comes from an act that has its entry. */
  hasRecorded(error: object): boolean {
    return this.recorded.has(error);
  }
}
