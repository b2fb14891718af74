import type { RedisConnection } from '../calls/connection.js';
import type { RedisKeys } from '../records/keys.js';
import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';

/** hits, microseconds until the oldest leaves the window, blocked, microseconds until one is let in */
type ThrottleReply = readonly [hits: number, resetUs: number, blocked: 0 | 1, waitUs: number];

/** The script that counts for `@nestjs/throttler`. */
export class ThrottleScripts {
  constructor(
    private readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
  ) {}

  async hit(
    throttler: string,
    client: string,
    { ttlUs, limit, blockUs }: ArgumentsOf<typeof SCRIPTS.throttle>,
  ): Promise<ThrottleReply> {
    const key = this.keys.ofThrottle(throttler, client);
    return (await this.connection.run(SCRIPTS.throttle, [key], [ttlUs, limit, blockUs])) as ThrottleReply;
  }
}
