import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CallTimeouts } from './call-timeouts.js';

function call() {
  const made = {
    isSettled: false,
    dueAt: 0,
    next: undefined,
    rejectedAt: undefined as number | undefined,
    reject(error: Error) {
      made.isSettled = true;
      made.rejectedAt = performance.now();
      expect(error.message).toBe('Redis gave no answer within 50 ms');
    },
  };
  return made;
}

describe('CallTimeouts', () => {
  it('rejects each call at its own time, and none that was answered', async () => {
    const timeouts = new CallTimeouts(50);
    const [first, answered, later] = [call(), call(), call()];
    const startedAt = performance.now();
    timeouts.watch(first);
    timeouts.watch(answered);
    answered.isSettled = true;
    await sleep(30);
    timeouts.watch(later);
    await sleep(120);
    expect(answered.rejectedAt).toBeUndefined();
    expect(first.rejectedAt! - startedAt).toBeGreaterThanOrEqual(40);
    expect(later.rejectedAt! - startedAt).toBeGreaterThanOrEqual(70);
  });

  it('rejects all that are due at once, though each of them lets go of what is settled', async () => {
    const timeouts = new CallTimeouts(50);
    const settled: number[] = [];
    const turns = { now: 0 };
    for (let i = 0; i < 500; i++) {
      const waiting = {
        isSettled: false,
        dueAt: 0,
        next: undefined,
        reject() {
          waiting.isSettled = true;
          timeouts.release();
          if (settled.push(turns.now) === 1) setImmediate(() => turns.now++);
        },
      };
      timeouts.watch(waiting);
    }
    const until = performance.now() + 60;
    while (performance.now() < until); // then all are due
    await sleep(50);
    expect(settled).toEqual(Array.from({ length: 500 }, () => 0));
  });

  it('goes on after a time in which there was nothing to wait for', async () => {
    const timeouts = new CallTimeouts(50);
    const [first, second] = [call(), call()];
    timeouts.watch(first);
    await sleep(100);
    timeouts.watch(second);
    await sleep(150);
    expect(second.isSettled).toBe(true);
  });

  it('does not give up an answer that arrived while the event loop stood still', async () => {
    const timeouts = new CallTimeouts(50);
    const waiting = call();
    timeouts.watch(waiting);
    // Due in the same turn as the deadline, but of the poll phase that comes after the timers.
    const answer = stat('.');
    const until = performance.now() + 80;
    while (performance.now() < until);
    await answer;
    waiting.isSettled = true;
    await sleep(50);
    expect(waiting.rejectedAt).toBeUndefined();
  });
});
