import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { withDeadline } from './deadline.js';

describe('withDeadline', () => {
  it('gives the answer, or the failure, that comes in time', async () => {
    await expect(withDeadline(Promise.resolve(1), 50)).resolves.toBe(1);
    await expect(withDeadline(Promise.reject(new Error('no')), 50)).rejects.toThrow('no');
  });

  it('rejects when none comes, and lets a late failure pass', async () => {
    let fail!: (error: Error) => void;
    const late = new Promise<never>((_, reject) => (fail = reject));
    await expect(withDeadline(late, 20, 'The database')).rejects.toThrow(
      'The database gave no answer within 20 ms',
    );
    fail(new Error('too late'));
    await sleep(5);
  });

  it('does not blame the other side for a stall on this one', async () => {
    const server = createServer((socket) => socket.write('answer'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const other = connect(port, '127.0.0.1');
    const answer = once(other, 'data');
    await once(other, 'connect');
    const inTime = withDeadline(answer, 30);
    await new Promise(setImmediate); // the server has accepted, and is about to answer
    const until = performance.now() + 100;
    while (performance.now() < until); // this process stands still past the deadline
    await expect(inTime).resolves.toHaveLength(1);
    other.destroy();
    server.close();
  });
});
