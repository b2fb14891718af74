import { Inject, Injectable } from '@nestjs/common';
import { denialError, SessionError } from '../model/session-error.js';
import type { HttpRequest } from '../contexts/http/http.js';
import { quotaPartitionOfIp } from '../rules/ip-address.js';
import type { SessionRepository } from '../storage/contract/session-repository.js';
import { SESSION_REPOSITORY, SESSION_SETTINGS } from '../options/injection-keys.js';
import { SessionService } from '../services/sessions/session.service.js';
import type { SessionSettings } from '../options/settings.js';
import { SessionTransport } from './session-transport.js';
import { tellRefusals } from '../telemetry/tell.js';

/**
 * Bounds guessing at tokens: one that could be ours and is nobody's is charged to the client IP (IPv6 by /64), and to
 * nothing of the user whose name is in it. Requests with a right token are never charged, so whoever shares the address
 * with a guesser goes on; what cannot be a token never reaches the repository and is not charged either.
 */
@Injectable()
export class FailedTokens {
  /** What each request was charged for: the fields of a GraphQL query come with one token. */
  private readonly charged = new WeakMap<object, string>();

  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    @Inject(SESSION_SETTINGS) private readonly settings: Pick<SessionSettings, 'failedTokens'>,
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
  ) {}

  /**
   * Charges a token that was found `session_invalid`, once for each request.
   * @throws SessionError `rate_limited` when the share of its client IP is used up
   */
  async charge(token: string | undefined, request: HttpRequest): Promise<void> {
    const { failedTokens: policy } = this.settings;
    if (!policy || token === undefined || this.charged.get(request) === token) return;
    this.charged.set(request, token);
    if (!(await this.sessions.parse(token))) return;
    const partition = { key: `failed-token:${quotaPartitionOfIp(this.transport.clientIp(request))}` };
    const quota = await this.repository.quota({ operation: 'consume', policy, partition, cost: 1 });
    tellRefusals(this.sessions.realm, [quota]);
    if (!quota.allowed) throw denialError({ reason: 'rate_limited', quotas: [quota] });
  }

  /** What the check of a token gives; if it throws `session_invalid`, the token is charged. */
  async watch<T>(
    checking: Promise<T>,
    { token, request }: { readonly token: string | undefined; readonly request: HttpRequest },
  ): Promise<T> {
    try {
      return await checking;
    } catch (error) {
      if (error instanceof SessionError && error.code === 'session_invalid')
        await this.charge(token, request);
      throw error;
    }
  }
}
