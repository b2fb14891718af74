import { Semaphore } from './semaphore.js';

describe('Semaphore', () => {
  const full = (): Error => new Error('full');

  function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
    let open = (): void => undefined;
    const promise = new Promise<void>((resolve) => (open = resolve));
    return { promise, open };
  }

  it('never runs more tasks at a time than it may, and runs all of them in order', async () => {
    const semaphore = new Semaphore({ concurrency: 2, queue: 100 });
    const started: number[] = [];
    let running = 0;
    let most = 0;
    const task = (n: number) => async () => {
      started.push(n);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return n;
    };
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    await expect(Promise.all(numbers.map((n) => semaphore.run(task(n), full)))).resolves.toEqual(numbers);
    expect(most).toBe(2);
    expect(started).toEqual(numbers);
  });

  it('refuses a task when the queue is full, and takes one again later', async () => {
    const semaphore = new Semaphore({ concurrency: 1, queue: 1 });
    const { promise, open } = gate();
    const first = semaphore.run(() => promise, full);
    const second = semaphore.run(() => promise, full);
    await expect(semaphore.run(() => promise, full)).rejects.toThrow('full');
    open();
    await Promise.all([first, second]);
    await expect(semaphore.run(async () => 'served', full)).resolves.toBe('served');
  });

  it('gives the place back when a task fails', async () => {
    const semaphore = new Semaphore({ concurrency: 1, queue: 0 });
    await expect(semaphore.run(() => Promise.reject(new Error('broken')), full)).rejects.toThrow('broken');
    await expect(semaphore.run(async () => 'served', full)).resolves.toBe('served');
  });
});
