import { setImmediate as immediate } from 'node:timers/promises';
import { FairQueue } from './fair-queue.js';

describe('FairQueue', () => {
  const full = (): Error => new Error('full');
  const of = (client: string, account = 'a') => ({ client, account });

  function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
    let open = (): void => undefined;
    const promise = new Promise<void>((resolve) => (open = resolve));
    return { promise, open };
  }

  /** A queue whose only place is taken until `open`, and which notes the order of what comes after. */
  function held(limits: { readonly waiting: number; readonly waitingPerClient?: number }) {
    const queue = new FairQueue({ concurrency: 1, waitingPerClient: limits.waiting, ...limits });
    const { promise, open } = gate();
    const served: string[] = [];
    const refused: string[] = [];
    const first = queue.run(() => promise, of('first'), full);
    const enter = (name: string, client: string, account?: string): void => {
      queue
        .run(async () => void served.push(name), of(client, account), full)
        .catch(() => void refused.push(name));
    };
    const settle = async (): Promise<void> => {
      open();
      await first;
      for (let i = 0; i < 300; i++) await immediate();
    };
    return { queue, served, refused, enter, settle };
  }

  it('never runs more tasks at a time than it may, and runs all of one account in order', async () => {
    const queue = new FairQueue({ concurrency: 2, waiting: 100, waitingPerClient: 100 });
    const started: number[] = [];
    let running = 0;
    let most = 0;
    const task = (n: number) => async () => {
      started.push(n);
      most = Math.max(most, ++running);
      await immediate();
      running--;
      return n;
    };
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    await expect(Promise.all(numbers.map((n) => queue.run(task(n), of('x'), full)))).resolves.toEqual(
      numbers,
    );
    expect(most).toBe(2);
    expect(started).toEqual(numbers);
  });

  it('lets clients take turns, and within a client its accounts', async () => {
    const { enter, served, settle } = held({ waiting: 100 });
    for (let i = 0; i < 3; i++) enter(`x-a${i}`, 'x', 'a');
    for (let i = 0; i < 2; i++) enter(`x-b${i}`, 'x', 'b');
    enter('y-a0', 'y', 'a');
    enter('z-a0', 'z', 'a');
    await settle();
    expect(served).toEqual(['x-a0', 'y-a0', 'z-a0', 'x-b0', 'x-a1', 'x-b1', 'x-a2']);
  });

  it('refuses a task when the queue is full of as many clients as it has places, and takes one again later', async () => {
    const { queue, enter, refused, settle } = held({ waiting: 3 });
    for (const client of ['x', 'y', 'z', 'late']) enter(client, client);
    await immediate();
    expect(refused).toEqual(['late']);
    await settle();
    await expect(queue.run(async () => 'served', of('late'), full)).resolves.toBe('served');
  });

  it("refuses a client's own tasks beyond its bound, and nobody else's", async () => {
    const { enter, refused, settle } = held({ waiting: 10, waitingPerClient: 2 });
    for (let i = 0; i < 4; i++) enter(`x${i}`, 'x');
    enter('y', 'y');
    await immediate();
    expect(refused).toEqual(['x2', 'x3']);
    await settle();
  });

  it('makes room for another account of a client that one account fills', async () => {
    const { enter, served, refused, settle } = held({ waiting: 10, waitingPerClient: 4 });
    for (let i = 0; i < 4; i++) enter(`a${i}`, 'x', 'a');
    enter('b', 'x', 'b');
    await settle();
    expect(refused).toEqual(['a3']);
    expect(served.slice(0, 2)).toEqual(['a0', 'b']);
  });

  it('makes room for many light clients among a few heavy ones, of several addresses and of one', async () => {
    for (const addressOf of [(i: number) => `ip${i}`, () => 'ip']) {
      const { enter, served, refused, settle } = held({ waiting: 32, waitingPerClient: 32 });
      for (let i = 0; i < 90; i++) enter(`heavy${i}`, addressOf(i % 9), `account${i % 9}`);
      for (let i = 0; i < 20; i++) enter(`light${i}`, addressOf(100), `light${i}`);
      for (let i = 90; i < 180; i++) enter(`heavy${i}`, addressOf(i % 9), `account${i % 9}`);
      await settle();
      expect(refused.filter((name) => name.startsWith('light'))).toEqual([]);
      expect(served.filter((name) => name.startsWith('light'))).toHaveLength(20);
      expect(served.length).toBe(32);
    }
  });

  it('makes room for another client among one that comes in many names', async () => {
    const { enter, refused, settle } = held({ waiting: 8 });
    for (let i = 0; i < 8; i++) enter(`x${i}`, 'x', `name${i}`);
    enter('y', 'y');
    await settle();
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatch(/^x/);
  });

  it('gives the place back when a task fails', async () => {
    const queue = new FairQueue({ concurrency: 1, waiting: 0, waitingPerClient: 0 });
    const broken = queue.run(() => Promise.reject(new Error('broken')), of('x'), full);
    await expect(broken).rejects.toThrow('broken');
    await expect(queue.run(async () => 'served', of('x'), full)).resolves.toBe('served');
  });
});
