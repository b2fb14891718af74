import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ServerCalls } from './call-batcher.js';

const WAITING = { patienceMs: 150, gate: { isOpen: true } };

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
  const state = { isIdle: false };
  const batcher = new ServerCalls(client as unknown as Redis, WAITING, () => state.isIdle);
  return { client, batcher, written, state };
}

const callOf = (text: string) => ({
  toWritable: () => text,
  reject: jest.fn(),
  rejectForGood: jest.fn(),
  isSettled: false,
});

describe('the calls of a server', () => {
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

  it('does not keep a call waiting where calls come one at a time', async () => {
    const { batcher, written, state } = fakeClient();
    const isWrittenAtOnce = async (text: string): Promise<boolean> => {
      const before = written.length;
      batcher.add(callOf(text));
      const isAtOnce = written.length > before;
      await turn();
      return isAtOnce;
    };
    state.isIdle = true;
    for (const text of '12345678') expect(await isWrittenAtOnce(text)).toBe(false);
    expect(await isWrittenAtOnce('a')).toBe(true);
    expect(await isWrittenAtOnce('b')).toBe(true);
    state.isIdle = false; // the last answer is still to come: there are several at a time
    expect(await isWrittenAtOnce('c')).toBe(false);
    state.isIdle = true;
    expect(await isWrittenAtOnce('d')).toBe(false);
    expect(written.map((text) => text.slice(-1)).join('')).toBe('12345678abcd');
  });

  it('writes what comes together in few writes again', async () => {
    const { batcher, written, state } = fakeClient();
    state.isIdle = true;
    for (let i = 0; i < 8; i++) {
      batcher.add(callOf('1'));
      await turn();
    }
    written.length = 0;
    for (const text of ['a', 'b', 'c']) {
      batcher.add(callOf(text));
      state.isIdle = false;
    }
    await turn();
    expect(written).toEqual(['latin1: a', 'latin1: bc']);
    state.isIdle = true;
    for (const text of ['d', 'e']) batcher.add(callOf(text));
    await turn();
    expect(written.slice(2)).toEqual(['latin1: de']);
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
    const batcher = new ServerCalls(client as unknown as Redis, WAITING, () => true);
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
