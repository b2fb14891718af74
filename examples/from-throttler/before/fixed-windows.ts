// A Redis storage of the usual kind: a counter for each window. It stands for the one that your app has.
import type { ThrottlerStorage } from '@nestjs/throttler';
import { Redis } from 'ioredis';

const COUNT = `local hits = redis.call('INCR', KEYS[1])
if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { hits, redis.call('PTTL', KEYS[1]) }`;

export class FixedWindows implements ThrottlerStorage {
  private readonly redis: Redis;

  constructor(url: string) {
    this.redis = new Redis(url);
  }

  async increment(key: string, ttl: number, limit: number) {
    const [totalHits, leftMs] = (await this.redis.eval(COUNT, 1, `hits:${key}`, ttl)) as [number, number];
    const timeToExpire = Math.ceil(leftMs / 1_000);
    const isBlocked = totalHits > limit;
    return { totalHits, timeToExpire, isBlocked, timeToBlockExpire: isBlocked ? timeToExpire : 0 };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.redis.quit();
  }
}
