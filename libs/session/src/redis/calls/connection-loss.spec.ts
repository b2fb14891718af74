import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { SilenceWatch } from './connection-loss.js';

class FakeClient extends EventEmitter {
  status = 'connecting';
  timers = 0;
  readonly commandQueue = { length: 1 };
  readonly options = { socketTimeout: 80 };
  readonly stream = Object.assign(new EventEmitter(), { destroy: jest.fn() });

  setSocketTimeout(): void {
    this.timers += 1;
  }

  become(status: string): void {
    this.status = status;
    this.emit(status);
  }
}

describe('the watch over a silent connection', () => {
  const watched = () => {
    const client = new FakeClient();
    const watch = new SilenceWatch(client as unknown as Redis, 40);
    return { client, watch, givenUp: client.stream.destroy };
  };

  it("spares each call ioredis's timer, but leaves it to the handshake and to whoever comes after", () => {
    const { client, watch } = watched();
    const countOf = () => {
      client.setSocketTimeout();
      return client.timers;
    };
    expect(countOf()).toBe(1);
    client.become('ready');
    expect(countOf()).toBe(1);
    client.become('close');
    expect(countOf()).toBe(2);
    client.become('ready');
    watch.close();
    expect(countOf()).toBe(3);
  });

  it('gives up a connection that has owed an answer for longer than the timeout', async () => {
    const { client, watch, givenUp } = watched();
    client.become('ready');
    watch.onMissed();
    watch.onMissed();
    await sleep(20);
    expect(givenUp).not.toHaveBeenCalled();
    await sleep(80);
    expect(givenUp).toHaveBeenCalledTimes(1);
  });

  it('not where calls wait that are not yet written', async () => {
    const { client, watch, givenUp } = watched();
    client.become('ready');
    client.commandQueue.length = 0;
    watch.onMissed();
    await sleep(100);
    expect(givenUp).not.toHaveBeenCalled();
  });

  it.each(['answer', 'close', 'end of the app'])('not after an %s', async (what) => {
    const { client, watch, givenUp } = watched();
    client.become('ready');
    watch.onMissed();
    if (what === 'answer') client.stream.emit('data');
    else if (what === 'close') client.become('close');
    else watch.close();
    await sleep(100);
    expect(givenUp).not.toHaveBeenCalled();
  });

  it('nothing while there is no connection', async () => {
    const { watch, givenUp } = watched();
    watch.onMissed();
    await sleep(100);
    expect(givenUp).not.toHaveBeenCalled();
  });
});
