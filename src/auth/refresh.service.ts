import { Injectable, Logger } from '@nestjs/common';
import {
  type IssuedSession,
  type Session,
  SessionError,
  SessionService,
  SessionTransport,
} from '@latchkey/session';
import type { Request } from 'express';
import { LoggedAudit } from '../audit/logged-audit.js';
import type { ClientTransport } from './client-tokens.js';

/** Gets new tokens for a refresh token, and writes down when one was used twice. */
@Injectable()
export class RefreshService {
  private readonly logger = new Logger(RefreshService.name);

  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly audit: LoggedAudit,
  ) {}

  /** @throws SessionError as `SessionService.refresh` and `SessionTransport.readRefreshToken` do */
  async refresh(
    request: Request,
    inBody: string | undefined,
  ): Promise<{ readonly issued: IssuedSession; readonly transport: ClientTransport }> {
    const { refreshToken, transport, ...rest } = this.transport.readRefreshToken(request, inBody);
    const device = this.transport.deviceOf(request);
    try {
      return { issued: await this.sessions.refresh(refreshToken, { ...rest, device }), transport };
    } catch (error) {
      if (error instanceof SessionError && error.reused) await this.note(error.reused, request);
      throw error;
    }
  }

  /** The session is dead by now, whatever becomes of this. */
  private async note({ id, userId, device }: Session, request: Request): Promise<void> {
    const { ip, userAgent } = this.transport.deviceOf(request);
    try {
      await this.audit.append({
        action: 'refresh.reused',
        outcome: 'ok', // an act: the session was ended, and that entry must not drown in a flood of denials
        targetId: userId,
        ip: ip || undefined,
        details: {
          session: id,
          userAgent: userAgent.slice(0, 200),
          knownIp: device.ip,
          knownUserAgent: device.userAgent,
        },
      });
    } catch (error) {
      this.logger.warn(
        `A refresh token of ${userId} was used twice, and that is not in the audit log: ${String(error)}`,
      );
    }
  }
}
