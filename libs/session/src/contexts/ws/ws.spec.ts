import { EventEmitter } from 'node:events';
import { closeFirmly, dropWhenGone, dropWhenSlow, type WsSocket } from './ws.js';

class Socket extends EventEmitter {
  readyState = 1;
  bufferedAmount = 0;
  readonly done: string[] = [];
  send = (data: string): void => void this.done.push(`send ${data}`);
  close = (code: number, reason: string): void => void this.done.push(`close ${code} ${reason}`);
  terminate = (): void => void this.done.push('terminate');
  ping = (): void => void this.done.push('ping');
  pause(): void {}
  resume(): void {}
}

function socket(): Socket & WsSocket {
  return new Socket();
}

describe('a socket', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('is dropped when it leaves too much unread', () => {
    const slow = socket();
    dropWhenSlow(slow, 1_000);
    slow.send('one');
    Object.assign(slow, { bufferedAmount: 1_001 });
    slow.send('two');
    expect(slow.done).toEqual(['send one', 'terminate']);
  });

  it('is dropped when it answers no ping', () => {
    const [there, gone] = [socket(), socket()];
    dropWhenGone(there);
    dropWhenGone(gone);
    for (let i = 0; i < 2; i++) {
      jest.advanceTimersByTime(30_000);
      there.emit('pong');
    }
    expect(there.done).toEqual(['ping', 'ping']);
    expect(gone.done.slice(0, 2)).toEqual(['ping', 'terminate']);
  });

  it('is cut when it does not answer the close', () => {
    const stubborn = socket();
    closeFirmly(stubborn, 4403, 'forbidden');
    jest.advanceTimersByTime(1_000);
    expect(stubborn.done).toEqual(['close 4403 forbidden', 'terminate']);
  });
});
