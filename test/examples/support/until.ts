import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something is so, for at most five seconds. */
export async function until(isMet: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 5_000; !(await isMet()); await sleep(10))
    if (Date.now() > deadline) throw new Error('Waited in vain');
}
