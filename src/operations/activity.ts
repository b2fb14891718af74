import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { onTelemetry } from '@latchkey/session/telemetry';
import { REDIS_STORE } from '../redis/redis.module.js';
import { type RedisStore, redisScript } from '../redis/redis-store.js';
import { RareWarning } from '../untrusted/rare-warning.js';
import {
  type ActivitySecond,
  type Count,
  ActivitySeconds,
  KEPT_SECONDS,
  PERMIT,
  SECOND_MS,
} from './activity-seconds.js';

/** `HINCRBY app:activity:MINUTE "SECOND DECISION" n`: what all nodes decided, added up by Redis. */
const PREFIX = 'app:activity:';
const MINUTE_MS = 60_000;
const SEND_MS = 2_000;
const KEPT_MS = KEPT_SECONDS * SECOND_MS;
const FIELD = /^(\d{1,12}) ([a-z_]{1,40})$/;

/** KEYS a minute. ARGV how long it is kept; then each field with what is added to it. A damaged field stays as it is. */
const ADD = redisScript(`
for i = 2, #ARGV, 2 do redis.pcall('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
`);

/** How many requests and messages were permitted and denied: by this process in memory, by all nodes over Redis. */
@Injectable()
export class Activity implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly warning = new RareWarning('Redis');
  /** With Redis, what was not sent yet. */
  private own = new ActivitySeconds();
  private sending = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private stop: (() => void) | undefined;

  constructor(@Inject(REDIS_STORE) private readonly store: RedisStore | undefined) {}

  onApplicationBootstrap(): void {
    this.stop = onTelemetry('latchkey.check', ({ context, decision, reason = 'unexpected' }) => {
      // Nobody asked for a connection to be looked at again.
      if (context !== 'recheck') this.own.add(Date.now(), decision === 'permit' ? PERMIT : reason);
    });
    if (this.store) this.timer = setInterval(() => void this.send().catch(ignore), SEND_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop?.();
    clearInterval(this.timer);
    if (this.store) await this.send().catch(ignore);
  }

  /** The seconds in which anything happened, the oldest first. What other nodes decided comes up to two seconds late. */
  async recent(): Promise<readonly ActivitySecond[]> {
    const now = Date.now();
    if (!this.store) return this.own.recent(now);
    await this.send();
    const all = new ActivitySeconds();
    await Promise.all(minutesUntil(now).map((key) => this.read(key, all)));
    return all.recent(now);
  }

  private async read(key: string, all: ActivitySeconds): Promise<void> {
    const fields = (await this.store?.call((client) => client.hgetall(key))) ?? {};
    for (const [field, value] of Object.entries(fields)) {
      const [, second, decision] = FIELD.exec(field) ?? [];
      const [at, times] = [Number(second) * SECOND_MS, Number(value)];
      if (decision !== undefined && minuteOf(at) === key && Number.isSafeInteger(times) && times > 0)
        all.add(at, decision, times);
      else this.warning.say(`A count in ${key} is damaged and is left out`);
    }
  }

  /** One after the other, so that a reader finds what was counted before it asked. */
  private send(): Promise<void> {
    return (this.sending = this.sending.catch(ignore).then(() => this.sendOwn()));
  }

  private async sendOwn(): Promise<void> {
    const byMinute = new Map<string, Count[]>();
    for (const count of this.own.counts()) {
      const key = minuteOf(count[0]);
      byMinute.set(key, [...(byMinute.get(key) ?? []), count]);
    }
    this.own = new ActivitySeconds();
    await Promise.all([...byMinute].map(([key, counts]) => this.add(key, counts)));
  }

  /** What did not arrive is sent again: a count of an outage may be too high, and none is lost. */
  private async add(key: string, counts: readonly Count[]): Promise<void> {
    const added = counts.flatMap(([at, decision, times]) => [`${at / SECOND_MS} ${decision}`, times]);
    try {
      await this.store?.script(ADD, [key], [KEPT_MS + MINUTE_MS, ...added]);
    } catch (error) {
      for (const count of counts) this.own.add(...count);
      throw error;
    }
  }
}

function minuteOf(at: number): string {
  return `${PREFIX}${Math.floor(at / MINUTE_MS)}`;
}

/** The keys of all minutes that still show, and of the next: another node's clock may be ahead. */
function minutesUntil(now: number): string[] {
  const count = KEPT_MS / MINUTE_MS + 2;
  return Array.from({ length: count }, (_, i) => minuteOf(now + (1 - i) * MINUTE_MS));
}

function ignore(): void {}
