import { Inject, Injectable } from '@nestjs/common';
import { ipPartition, RateLimiter, SessionError, SessionTransport } from '@latchkey/session';
import { quotaHeaders } from '@latchkey/session/http';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import type { Exchange } from './client-tokens.js';
import { perHour, type Quota, takeAll, untouched } from './quota-shares.js';
import { LOOSER } from './password-attempts.js';

/**
 * Bounds messages and guesses as `PasswordAttempts` bounds passwords, with quotas of their own: whoever asks for messages
 * in somebody's name uses up none of that person's logins.
 */
@Injectable()
export class ResetQuotas {
  private readonly quotas: Readonly<Record<'byBoth' | 'byIp' | 'byAccount' | 'guesses', Quota>>;

  constructor(
    @Inject(APP_CONFIG) { loginQuota }: AppConfig,
    private readonly limiter: RateLimiter,
    private readonly transport: SessionTransport,
  ) {
    const per = (name: string, times: number): Quota => perHour(name, loginQuota * times);
    this.quotas = {
      byBoth: per('reset', 1),
      byIp: per('reset-ip', LOOSER.byIp),
      byAccount: per('reset-account', LOOSER.byAccount),
      guesses: per('reset-guesses-ip', LOOSER.byIp),
    };
  }

  /** What a reply says of the quotas that leaves before anything is counted. */
  get untouchedHeaders(): Readonly<Record<'ofMessages' | 'ofGuesses', ReturnType<typeof quotaHeaders>>> {
    const { byBoth, byIp, byAccount, guesses } = this.quotas;
    return {
      ofMessages: quotaHeaders(untouched([byBoth, byIp, byAccount])),
      ofGuesses: quotaHeaders(untouched([guesses])),
    };
  }

  /**
   * Counts a request for a message, whether or not there is such an account.
   * @throws SessionError `rate_limited`
   */
  async countMessage(exchange: Exchange, username: string): Promise<void> {
    const ip = this.ipOf(exchange);
    const shares = [
      { quota: this.quotas.byBoth, partitionKey: `${ip} ${username}` },
      { quota: this.quotas.byIp, partitionKey: ip },
      { quota: this.quotas.byAccount, partitionKey: username },
    ];
    exchange.response.set(quotaHeaders(await takeAll(this.limiter, shares)));
  }

  /**
   * Counts the use of a token before it is looked at, and gives it back unless the token was none.
   * @throws SessionError `rate_limited`
   */
  async countingGuess<T>(exchange: Exchange, attempt: () => Promise<T>): Promise<T> {
    const shares = [{ quota: this.quotas.guesses, partitionKey: this.ipOf(exchange) }];
    exchange.response.set(quotaHeaders(await takeAll(this.limiter, shares)));
    const giveBack = (): Promise<void> => this.limiter.refundAll(shares).catch(() => undefined);
    try {
      const result = await attempt();
      await giveBack();
      return result;
    } catch (error) {
      const code = error instanceof SessionError ? error.code : undefined;
      const giving = code === 'token_invalid' ? undefined : giveBack();
      if (code !== 'session_store_unavailable') await giving; // else the client is not to wait for a second timeout
      throw error;
    }
  }

  private ipOf({ request }: Exchange): string {
    return ipPartition(this.transport.clientIp(request));
  }
}
