import { Inject, Injectable } from '@nestjs/common';
import { quotaHeaders, type QuotaOptions, RateLimiter, SessionTransport } from '@latchkey/session';
import type { Request, Response } from 'express';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { Problem } from '../problem/problem.js';

/** How much looser the quotas are that one attacker could use up for others. */
export const LOOSER = { byIp: 10, byAccount: 5 } as const;
export const MOST = 1_000_000;

/** The request that a password came with. */
export interface PasswordRequest {
  readonly request: Request;
  readonly response: Response;
  /** In its normal form. */
  readonly username: string;
}

/**
 * Bounds guessing, the same for every route that takes a password: strictly per account and client IP, so that an
 * attacker cannot lock the victim out from elsewhere, and more loosely per client IP (against spraying many accounts)
 * and per account (against many addresses).
 */
@Injectable()
export class PasswordAttempts {
  private readonly quotas: Readonly<Record<'byBoth' | 'byIp' | 'byAccount', QuotaOptions>>;

  constructor(
    @Inject(APP_CONFIG) { loginQuota }: AppConfig,
    private readonly limiter: RateLimiter,
    private readonly transport: SessionTransport,
  ) {
    const per = (name: string, times: number): QuotaOptions => ({
      name,
      quota: Math.min(loginQuota * times, MOST),
      window: '1h',
    });
    this.quotas = {
      byBoth: per('login', 1),
      byIp: per('login-ip', LOOSER.byIp),
      byAccount: per('login-account', LOOSER.byAccount),
    };
  }

  /**
   * Counts an attempt before the password is looked at, so that a thousand at once are a thousand, and gives it back
   * unless the password was wrong.
   * @throws SessionError `rate_limited`
   */
  async counting<T>({ request, response, username }: PasswordRequest, attempt: () => Promise<T>): Promise<T> {
    const ip = this.transport.clientIp(request) ?? 'unknown';
    const shares = [
      { quota: this.quotas.byBoth, partitionKey: `${ip} ${username}` },
      { quota: this.quotas.byIp, partitionKey: ip },
      { quota: this.quotas.byAccount, partitionKey: username },
    ];
    response.set(quotaHeaders(await this.limiter.consumeAll(shares)));
    try {
      const result = await attempt();
      this.giveBack(shares);
      return result;
    } catch (error) {
      const wasWrong = error instanceof Problem && error.code === 'bad_credentials';
      if (!wasWrong) this.giveBack(shares); // an attempt that broke off costs nothing
      throw error;
    }
  }

  /**
   * Nobody waits for it: it is sent before the reply, so this node's next attempt comes after it. What cannot be given
   * back now comes back with time.
   */
  private giveBack(shares: Parameters<RateLimiter['refundAll']>[0]): void {
    void this.limiter.refundAll(shares).catch(() => undefined);
  }
}
