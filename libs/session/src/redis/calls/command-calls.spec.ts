import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Cluster } from 'ioredis';
import { SCRIPTS } from '../lua/script.js';
import { encodeBody } from './call-body.js';
import { ClusterCalls, slotOf } from './command-calls.js';
import { ScriptCall } from './script-call.js';

// The examples of the Redis Cluster specification, and what CLUSTER KEYSLOT says of others.
it.each([
  ['123456789', 12_739],
  ['foo', 12_182],
  ['hello', 866],
  ['{user1000}.following', slotOf('$8\r\nuser1000\r\n')],
  ['foo{bar}{zap}', 5_061],
  ['foo{{bar}}zap', slotOf('$4\r\n{bar\r\n')],
  ['foo{}{bar}', 8_363],
  ['foo{bar', 15_278],
])('the slot of %s is that of Redis', (key, slot) => {
  expect(slotOf(`$${key.length}\r\n${key}\r\n$5\r\n{x}{y\r\n`)).toBe(slot);
});

const WAITING = { patienceMs: 150, gate: { isOpen: true } };
const lost = new Error('Connection is closed.');
const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const ARGS = Array.from(SCRIPTS.authenticate.args, () => '');

function fakeCluster() {
  const sent: ScriptCall[] = [];
  const node = {
    status: 'ready',
    options: { host: 'h', port: 1 },
    stream: { writable: true, write: () => true },
    sendCommand: (call: ScriptCall, stream: unknown) => {
      call.toWritable(stream);
      sent.push(call);
    },
  };
  const nodes = () => [node];
  const evalshaBuffer = jest.fn<Promise<string>, []>(() => Promise.resolve('by the command'));
  const slots = Array.from({ length: 16_384 }, () => ['h:1']);
  const client = Object.assign(new EventEmitter(), { status: 'ready', slots, nodes, evalshaBuffer });
  const calls = new ClusterCalls(client as unknown as Cluster, WAITING, () => false);
  const owner = {
    onSettled: () => undefined,
    sendInFull: jest.fn(),
    sendAgain: (call: ScriptCall) => calls.add(call),
    redirect: (call: ScriptCall, error: Error) => calls.redirect(call, error),
    explained: (error: unknown, _: unknown, hasRun: string) =>
      new Error(`${(error as Error).message} ${hasRun}`),
  };
  const add = (args = ARGS): Promise<string> => {
    const request = { script: SCRIPTS.authenticate, body: encodeBody(['lk:{ada}:user'], args) };
    const call = new ScriptCall('evalsha', request, String, owner);
    calls.add(call as ScriptCall);
    return call.promise;
  };
  return { client, node, sent, add, byCommand: evalshaBuffer };
}

describe('a call to a Cluster', () => {
  it("goes to its slot's node, in one write with others, without the client's command", async () => {
    const { sent, add, byCommand } = fakeCluster();
    const replies = [add(), add()];
    await turn();
    for (const call of sent) call.resolve('by the node');
    expect(await Promise.all(replies)).toEqual(['by the node', 'by the node']);
    expect(byCommand).not.toHaveBeenCalled();
  });

  it.each(['MOVED 1 h:2', 'ASK 1 h:2', 'TRYAGAIN Multiple keys', 'CLUSTERDOWN The cluster is down'])(
    'goes on by the command after %s, once',
    async (message) => {
      const { sent, add, byCommand } = fakeCluster();
      const good = add();
      await turn();
      sent[0]?.reject(reply(message));
      expect(await good).toBe('by the command');
      byCommand.mockRejectedValueOnce(reply(message));
      const bad = add();
      await turn();
      sent[1]?.reject(reply(message));
      await expect(bad).rejects.toThrow(`${message} no`);
      expect(byCommand).toHaveBeenCalledTimes(2);
    },
  );

  it('that lost its connection is repeated if it counts nothing, and else may have run', async () => {
    const { node, sent, add, byCommand } = fakeCluster();
    const [check, counted] = [add(), add([...ARGS, 'a quota', '1', '1'])];
    counted.catch(() => undefined);
    await turn();
    node.status = 'end';
    for (const call of sent) call.reject(lost);
    expect(await check).toBe('by the command');
    await expect(counted).rejects.toThrow('Connection is closed. perhaps');
    expect(byCommand).toHaveBeenCalledTimes(1);
  });

  it.each(['a refusal', 'a slot that the client does not know', 'a node that is not connected'])(
    'is left to the command or refused: %s',
    async (what) => {
      const { client, node, sent, add, byCommand } = fakeCluster();
      if (what.startsWith('a slot')) client.slots.length = 0;
      if (what.startsWith('a node')) node.status = 'wait';
      const made = add();
      await turn();
      sent[0]?.reject(reply('OOM command not allowed'));
      if (what === 'a refusal') await expect(made).rejects.toThrow('OOM command not allowed no');
      else expect(await made).toBe('by the command');
      expect(byCommand).toHaveBeenCalledTimes(what === 'a refusal' ? 0 : 1);
    },
  );

  it('goes to the new connection of a node', async () => {
    const { client, node, sent, add } = fakeCluster();
    void add().catch(() => undefined);
    await turn();
    const other = { ...node, sendCommand: jest.fn() };
    client.nodes = () => [other];
    client.emit('-node', node);
    void add().catch(() => undefined);
    await turn();
    expect(sent).toHaveLength(1);
    expect(other.sendCommand).toHaveBeenCalledTimes(1);
  });
});
