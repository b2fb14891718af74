import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import { authenticatedSessionOf, SessionError, SessionService, SessionTransport } from '@latchkey/session';
import type { Request } from 'express';
import { AppProblemFilter } from '../problem/problem.filter.js';
import { ActRecorder } from './act-recorder.js';
import { Denials } from './denials.js';

/** What a guard denies on these routes that is worth knowing. */
const WORTH_KNOWING: ReadonlySet<string> = new Set(['forbidden', 'ip_not_allowed']);
const LONGEST_PATH = 200;

/** On routes of moderators and admins: writes down who tried what without the right to. */
@Catch(SessionError)
@Injectable()
export class ForbiddenFilter implements ExceptionFilter<SessionError> {
  constructor(
    private readonly denials: Denials,
    private readonly recorder: ActRecorder,
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly problems: AppProblemFilter,
  ) {}

  async catch(error: SessionError, host: ArgumentsHost): Promise<void> {
    if (WORTH_KNOWING.has(error.code) && !this.recorder.hasRecorded(error)) {
      await this.note(error, host.switchToHttp().getRequest<Request>());
    }
    this.problems.catch(error, host);
  }

  private async note(error: SessionError, request: Request): Promise<void> {
    await this.denials.note({
      action: 'access',
      actorId: await this.actorOf(request),
      ip: this.transport.clientIp(request),
      details: { code: error.code, method: request.method, path: request.path.slice(0, LONGEST_PATH) },
    });
  }

  /** A guard that denies says nothing about whom: the session is asked for again, without the route's requirements. */
  private async actorOf(request: Request): Promise<string | undefined> {
    const admitted = authenticatedSessionOf(request);
    if (admitted) return admitted.user.id;
    try {
      const decision = await this.sessions.decide(this.transport.readToken(request), undefined, {
        clientIp: this.transport.clientIp(request),
      });
      return decision.permit ? decision.user.id : undefined;
    } catch {
      return undefined;
    }
  }
}
