import { Redis } from 'ioredis';
import { isSocketTimeoutQuiet, redisClientOptions } from './client-options.js';

describe('redisClientOptions', () => {
  it('has a socketTimeout, but not with the ioredis that prints a line for every reply then', () => {
    expect(isSocketTimeoutQuiet(Redis)).toBe(true);
    expect(redisClientOptions()).toMatchObject({ socketTimeout: 400 });
    // As in ioredis 5.4.0.
    class Noisy {
      setSocketTimeout(): void {
        console.log('GOT DATA, CLEARING TIMER');
      }
    }
    expect(isSocketTimeoutQuiet(Noisy)).toBe(false);
  });

  it.each(['READONLY', 'NOREPLICAS', 'MASTERDOWN'])(
    'looks for another server after %s, though not all the time',
    (code) => {
      const { reconnectOnError } = redisClientOptions();
      const error = new Error(`${code} Something about it.`);
      expect(reconnectOnError?.(error)).toBe(true);
      expect(reconnectOnError?.(error)).toBe(false);
      expect(redisClientOptions().reconnectOnError?.(new Error('OOM command not allowed'))).toBe(false);
    },
  );

  it('connects anew at once, and then ever less often', () => {
    const { retryStrategy } = redisClientOptions();
    expect([1, 2, 3, 100].map((attempt) => retryStrategy?.(attempt))).toEqual([0, 100, 150, 250]);
    expect(retryStrategy?.(1)).toBe(50); // it was up for a moment only
  });

  it('hears of failovers from Sentinels', () => {
    expect(redisClientOptions()).toMatchObject({ failoverDetector: true });
  });
});
