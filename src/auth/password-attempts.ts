import { Inject, Injectable } from '@nestjs/common';
import { ipPartition, RateLimiter, SessionTransport } from '@latchkey/session';
import { quotaHeaders } from '@latchkey/session/http';
import type { Request, Response } from 'express';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { Problem } from '../problem/problem.js';
import { MOST, perHour, type Quota, takeAll, untouched } from './quota-shares.js';

/** How much looser the quotas are that one attacker could use up for others. */
export const LOOSER = { byIp: 10, byAccount: 5 } as const;

/**
 * How many passwords are looked at in five minutes, right ones too: for one account, and for one client IP. Nobody comes
 * near who does not log in in a loop. Sustained it is one in a second for an account and five for a client IP, of the
 * twenty or more that a core hashes in a second. A larger `LOGIN_QUOTA` makes them larger, a smaller one not smaller.
 */
const WORK = { byAccount: 300, byIp: 1_500, windowMs: 300_000, timesLoginQuota: 30 } as const;

/** The request that a password came with. */
interface PasswordRequest {
  readonly request: Request;
  readonly response: Response;
  /** In its normal form. */
  readonly username: string;
}

/**
 * Bounds guessing, the same for every route that takes a password: strictly per account and client IP, so that an
 * attacker cannot lock the victim out from elsewhere, and more loosely per client IP (against spraying many accounts)
 * and per account (against many addresses). Right passwords cost as much work as wrong ones, so that is bounded, too, if
 * far more loosely (`WORK`).
 */
@Injectable()
export class PasswordAttempts {
  private readonly quotas: Readonly<Record<'byBoth' | 'byIp' | 'byAccount', Quota>>;
  private readonly work: Readonly<Record<'byIp' | 'byAccount', Quota>>;

  constructor(
    @Inject(APP_CONFIG) { loginQuota }: AppConfig,
    private readonly limiter: RateLimiter,
    private readonly transport: SessionTransport,
  ) {
    const per = (name: string, times: number): Quota => perHour(name, loginQuota * times);
    const work = (name: string, count: number, times: number): Quota => ({
      name,
      quota: Math.min(Math.max(count, loginQuota * times), MOST),
      window: WORK.windowMs,
    });
    this.work = {
      byAccount: work('login-work-account', WORK.byAccount, WORK.timesLoginQuota),
      byIp: work('login-work-ip', WORK.byIp, WORK.timesLoginQuota * (WORK.byIp / WORK.byAccount)),
    };
    this.quotas = {
      byBoth: per('login', 1),
      byIp: per('login-ip', LOOSER.byIp),
      byAccount: per('login-account', LOOSER.byAccount),
    };
  }

  /** What a reply says of the quotas that leaves before anything is counted. */
  get untouchedHeaders(): ReturnType<typeof quotaHeaders> {
    const { byBoth, byIp, byAccount } = this.quotas;
    return quotaHeaders(untouched([byBoth, byIp, byAccount]));
  }

  /**
   * Counts an attempt before the password is looked at, so that a thousand at once are a thousand, and gives it back
   * unless the password was wrong.
   * @throws SessionError `rate_limited`
   */
  async counting<T>({ request, response, username }: PasswordRequest, attempt: () => Promise<T>): Promise<T> {
    const ip = ipPartition(this.transport.clientIp(request));
    const shares = [
      { quota: this.quotas.byBoth, partitionKey: `${ip} ${username}` },
      { quota: this.quotas.byIp, partitionKey: ip },
      { quota: this.quotas.byAccount, partitionKey: username },
    ];
    response.set(quotaHeaders(await takeAll(this.limiter, shares)));
    const work = [
      { quota: this.work.byAccount, partitionKey: username },
      { quota: this.work.byIp, partitionKey: ip },
    ];
    try {
      await takeAll(this.limiter, work);
    } catch (error) {
      this.giveBack(shares);
      throw error;
    }
    try {
      const result = await attempt();
      this.giveBack(shares);
      return result;
    } catch (error) {
      const code = error instanceof Problem ? error.code : undefined;
      if (code !== 'bad_credentials') this.giveBack(shares); // an attempt that broke off costs nothing
      if (code === 'overloaded') this.giveBack(work); // nothing was looked at
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
