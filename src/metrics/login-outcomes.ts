import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

/** Every outcome that has a label of its own. */
const OUTCOMES: ReadonlySet<unknown> = new Set([
  'ok',
  'bad_credentials',
  'user_blocked',
  'rate_limited',
  'conflict',
  'overloaded',
  'session_limit_reached',
  'session_store_unavailable',
]);

/** Counts logins by what became of them. */
@Injectable()
export class LoginOutcomes {
  private readonly logins: Counter<'outcome'>;

  constructor(registry: Registry) {
    this.logins = new Counter({
      name: 'latchkey_logins_total',
      help: 'Logins by outcome: ok, or the code of the error',
      labelNames: ['outcome'],
      registers: [registry],
    });
    for (const outcome of ['ok', 'bad_credentials']) this.logins.inc({ outcome }, 0);
  }

  /** Counts what becomes of a login. */
  async watch<T>(login: () => Promise<T>): Promise<T> {
    try {
      const result = await login();
      this.logins.inc({ outcome: 'ok' });
      return result;
    } catch (error) {
      const { code } = Object(error) as { code?: unknown };
      this.logins.inc({ outcome: OUTCOMES.has(code) ? String(code) : 'other' });
      throw error;
    }
  }
}
