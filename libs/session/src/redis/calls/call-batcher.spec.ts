import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { CallBatcher } from './call-batcher.js';

/** What the batcher needs of a client, and what reaches the wire by it. */
function fakeClient() {
  const written: string[] = [];
  const client = {
    status: 'ready',
    on: (): unknown => client,
    stream: {
      writable: true,
      write: (text: string, encoding: string) => written.push(`${encoding}: ${text}`),
    },
    sendCommand: (call: { toWritable(): string }, stream: { write(text: string): void }) => {
      stream.write(call.toWritable());
    },
  };
  return { client, batcher: new CallBatcher(client as unknown as Redis, 150), written };
}

const callOf = (text: string) => ({
  toWritable: () => text,
  reject: jest.fn(),
  rejectForGood: jest.fn(),
  isSettled: false,
});

describe('CallBatcher', () => {
  it('writes what one turn asks for at once, in order', async () => {
    const { batcher, written } = fakeClient();
    for (const text of ['a', 'b', 'c']) batcher.add(callOf(text));
    expect(written).toEqual([]);
    await turn();
    expect(written).toEqual(['latin1: abc']);
    batcher.add(callOf('d'));
    await turn();
    expect(written).toEqual(['latin1: abc', 'latin1: d']);
  });

  it('does not keep a full batch waiting', async () => {
    const { batcher, written } = fakeClient();
    const texts = Array.from({ length: 20 }, (_, index) => String.fromCharCode(97 + index));
    for (const text of texts) batcher.add(callOf(text));
    expect(written).toEqual([`latin1: ${texts.slice(0, 16).join('')}`]);
    await turn();
    expect(written.slice(1)).toEqual([`latin1: ${texts.slice(16).join('')}`]);
  });

  it('writes a call that the client sends again later, after a reconnection, by itself', async () => {
    const { client, batcher, written } = fakeClient();
    const again: (() => void)[] = [];
    const { sendCommand } = client;
    client.sendCommand = (call, stream) => {
      again.push(() => sendCommand(call, stream));
      sendCommand(call, stream);
    };
    batcher.add(callOf('a'));
    await turn();
    again[0]?.();
    expect(written).toEqual(['latin1: a', 'latin1: a']);
  });

  it('does not keep a call waiting where a tracer looks for the request that it is of', () => {
    const sendCommand = Object.assign(jest.fn(), { __original: () => undefined });
    const client = { sendCommand, status: 'ready', stream: { writable: true }, on: (): unknown => client };
    const batcher = new CallBatcher(client as unknown as Redis, 150);
    const call = callOf('a');
    batcher.add(call);
    expect(sendCommand.mock.calls).toEqual([[call, undefined]]);
  });

  it('fails the one call that the client throws at', async () => {
    const { client, batcher, written } = fakeClient();
    const { sendCommand } = client;
    const failure = new Error('no');
    client.sendCommand = (call, stream) => {
      if (call.toWritable() === 'b') throw failure;
      sendCommand(call, stream);
    };
    const calls = ['a', 'b', 'c'].map(callOf);
    for (const call of calls) batcher.add(call);
    await turn();
    expect(written).toEqual(['latin1: ac']);
    expect(calls.map(({ reject }) => reject.mock.calls)).toEqual([[], [[failure]], []]);
  });
});
