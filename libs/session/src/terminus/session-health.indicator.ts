import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { withDeadline } from '../basics/deadline.js';
import { fieldsOf, type Inputs, wrong } from '../basics/inputs.js';
import { STORAGE } from '../options/injection-keys.js';
import type { Storage } from '../storage/open-storage.js';

/** Options of `SessionHealthIndicator.isHealthy()`. @publicApi */
export interface SessionHealthOptions {
  /**
   * How long storage may take, in milliseconds. The option `commandTimeoutMs` bounds it as well.
   * @defaultValue 1000
   */
  readonly timeoutMs?: number;
}

const OPTIONS: Inputs<SessionHealthOptions> = {
  timeoutMs: (value, name) => {
    if (typeof value === 'number' && value > 0 && value <= 60_000) return value;
    throw wrong(name, 'milliseconds from 1 to 60,000', value);
  },
};

/**
 * Whether sessions can be checked: `up` when storage answers in time. Provide it in a module that imports `TerminusModule`,
 * and `SessionModule` where that is not global. Use it for readiness; a node must not be killed because Redis is away.
 * @example
 * `@Get('ready') @HealthCheck() ready(@Inject(HealthCheckService) health: HealthCheckService, @Inject(SessionHealthIndicator) sessions: SessionHealthIndicator) { return health.check([() => sessions.isHealthy('sessions')]); }`
 * @publicApi
 */
@Injectable()
export class SessionHealthIndicator {
  /** @internal */
  constructor(
    @Inject(STORAGE) private readonly storage: Pick<Storage, 'sessions'>,
    private readonly indicators: HealthIndicatorService,
  ) {}

  /**
   * Never rejects, and takes no longer than `timeoutMs`.
   * @param key names it in the report
   * @throws TypeError for options that are none
   */
  async isHealthy<const Key extends string>(
    key: Key,
    options: SessionHealthOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const { timeoutMs = 1_000 } = fieldsOf(options, 'options', OPTIONS);
    const indicator = this.indicators.check(key);
    try {
      await withDeadline(this.storage.sessions.ping(), timeoutMs, 'Storage');
      return indicator.up();
    } catch {
      // Neither where Redis is nor what it said is anybody's who may see a health page.
      return indicator.down({ message: 'Sessions cannot be checked right now' });
    }
  }
}
