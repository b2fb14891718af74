import { MessageQueue } from './message-queue.js';

describe('MessageQueue', () => {
  it('handles one message after the other, in the order in which they came', async () => {
    const seen: string[] = [];
    const source = { pause: jest.fn(), resume: jest.fn() };
    await new Promise<void>((done) => {
      const queue = new MessageQueue<number>(source, async (message) => {
        seen.push(`begins ${message}`);
        await new Promise((resolve) => setTimeout(resolve, 3 - message));
        seen.push(`ends ${message}`);
        if (message === 2) done();
      });
      queue.take(1);
      queue.take(2);
    });
    expect(seen).toEqual(['begins 1', 'ends 1', 'begins 2', 'ends 2']);
    expect(source.pause).not.toHaveBeenCalled();
  });

  it('holds a client back that sends faster than can be handled, until all is handled', async () => {
    let done = (): void => undefined;
    const resumed = new Promise<void>((resolve) => (done = resolve));
    const source = { pause: jest.fn(), resume: jest.fn(() => done()) };
    let handled = 0;
    const queue = new MessageQueue<number>(source, async () => void (handled += 1));
    for (let i = 0; i < 100; i++) queue.take(i);
    expect([source.pause.mock.calls.length, source.resume.mock.calls.length]).toEqual([1, 0]);
    await resumed;
    expect(handled).toBe(100);
    expect(source.resume).toHaveBeenCalledTimes(1);
  });
});
