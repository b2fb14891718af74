import type { Cluster, Redis } from 'ioredis';
import type { ScriptArgument } from '../lua/script.js';
import type { RedisClient } from '../servers/boot-check.js';
import { CallBatcher, type Calls, type Waiting } from './call-batcher.js';
import { decodeBody } from './call-body.js';
import { ConnectionLoss, MOST_WAITING } from './connection-loss.js';
import { isReplyError, isUnknownScript, type ScriptCall } from './script-call.js';

/** Lets calls wait for a client that has lost its connection, if it may be back before their deadline. */
class Readiness {
  /** By what lets a call go on: what refuses it. */
  private readonly waiting = new Map<() => void, (error: Error) => void>();
  private readonly loss: ConnectionLoss;

  constructor(
    private readonly client: RedisClient,
    private readonly options: Waiting,
  ) {
    this.loss = new ConnectionLoss(client, options.patienceMs, () => this.proceed());
  }

  /** Lets go on what waits, if there is a connection. */
  proceed(): void {
    if (!this.isReady) return;
    const waiting = [...this.waiting.keys()];
    this.waiting.clear();
    for (const proceed of waiting) proceed();
  }

  refuse(reason: string): void {
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const refuse of waiting) refuse(new Error(reason));
  }

  /** `undefined`: there is a connection. Rejects when none comes in time. */
  wait(): Promise<void> | undefined {
    if (this.isReady) return undefined;
    const { patienceMs } = this.options;
    if (!this.loss.isFresh || this.waiting.size >= MOST_WAITING) {
      return Promise.reject(new Error('There is no connection to Redis'));
    }
    return new Promise((resolve, reject) => {
      const proceed = (): void => (clearTimeout(timer), resolve());
      const timer = setTimeout(() => {
        this.waiting.delete(proceed);
        reject(new Error(`There was no connection to Redis for ${patienceMs} ms`));
      }, patienceMs);
      this.waiting.set(proceed, (error) => (clearTimeout(timer), reject(error)));
    });
  }

  close(): void {
    this.loss.close();
  }

  private get isReady(): boolean {
    return this.options.gate.isOpen && this.client.status === 'ready';
  }
}

/** What ioredis has besides its typed commands: replies as bytes. */
interface ByteScripting {
  evalshaBuffer(sha1: string, keys: number, ...rest: ScriptArgument[]): Promise<unknown>;
  evalBuffer(lua: string, keys: number, ...rest: ScriptArgument[]): Promise<unknown>;
}

/** Calls by ioredis's own commands: it puts prefixes before keys, and looks for the right node of a Cluster. */
export class CommandCalls implements Calls {
  private readonly readiness: Readiness;

  constructor(
    private readonly client: RedisClient,
    waiting: Waiting,
  ) {
    this.readiness = new Readiness(client, waiting);
  }

  add(call: ScriptCall): void {
    void this.send(call);
  }

  proceed(): void {
    this.readiness.proceed();
  }

  refuse(reason: string): void {
    this.readiness.refuse(reason);
  }

  close(): void {
    this.readiness.close();
  }

  private async send(call: ScriptCall): Promise<void> {
    call.handOver();
    try {
      await this.readiness.wait();
      if (call.isSettled) return;
      call.isWritten = true;
      call.resolve(await evaluateBy(this.client, call));
    } catch (error) {
      call.reject(error as Error);
    }
  }
}

/** Runs a script by ioredis's own commands. @returns the reply, as bytes */
export async function evaluateBy(
  given: RedisClient,
  { name, request }: Pick<ScriptCall, 'name' | 'request'>,
): Promise<unknown> {
  const client = given as unknown as ByteScripting;
  const { script, body } = request;
  const { keys, args } = decodeBody(body);
  try {
    if (name === 'evalsha') return await client.evalshaBuffer(script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!isUnknownScript(error)) throw error;
  }
  return client.evalBuffer(script.lua, keys.length, ...keys, ...args);
}

/** Of a node that cannot serve a call, which has not run: ioredis's command finds the one that can, or tries again. */
const NOT_HERE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /;

/**
 * The calls of a Cluster: each goes to the connection of its slot's node, without ioredis's commands. They take over what
 * this cannot serve: a node that is not connected, and a slot that moves or has moved.
 */
export class ClusterCalls implements Calls {
  private readonly byNode = new Map<string, CallBatcher<ScriptCall>>();
  private readonly commands: CommandCalls;

  constructor(
    private readonly client: Cluster,
    private readonly waiting: Waiting,
    private readonly isIdle: () => boolean,
  ) {
    this.commands = new CommandCalls(client, waiting);
    client.on('-node', this.forget);
  }

  add(call: ScriptCall): void {
    (this.batcherOf(call) ?? this.commands).add(call);
  }

  /** @returns whether the call goes on by a command */
  redirect(call: ScriptCall, error: Error): boolean {
    const hasRun = call.isWritten && !NOT_HERE.test(error.message);
    if (hasRun || (isReplyError(error) && !NOT_HERE.test(error.message))) return false;
    this.commands.add(call);
    return true;
  }

  proceed(): void {
    this.commands.proceed();
  }

  refuse(reason: string): void {
    for (const batcher of this.byNode.values())
      for (const call of batcher.takeBack()) call.rejectForGood(new Error(reason));
    this.commands.refuse(reason);
  }

  close(): void {
    this.client.off('-node', this.forget);
    this.commands.close();
  }

  private batcherOf({ request }: ScriptCall): CallBatcher<ScriptCall> | undefined {
    if (this.client.status !== 'ready') return undefined;
    const node = this.client.slots[slotOf(request.body.text)]?.[0];
    return node === undefined ? undefined : (this.byNode.get(node) ?? this.meet(node));
  }

  private meet(node: string): CallBatcher<ScriptCall> | undefined {
    const client = this.client
      .nodes('master')
      .find(({ options: { host, port } }) => `${host}:${port}` === node);
    if (client?.status !== 'ready') return undefined;
    const { isIdle, commands, waiting } = this;
    const batcher = new CallBatcher<ScriptCall>(client, {
      gate: waiting.gate,
      isIdle,
      onUnwritable: (call) => commands.add(call),
    });
    this.byNode.set(node, batcher);
    return batcher;
  }

  private readonly forget = (gone: Redis): void => {
    for (const [node, { client }] of this.byNode) if (client === gone) this.byNode.delete(node);
  };
}

const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});
const SLOTS = 16_384;

/**
 * The slot of a call's first key, from its body: a character for each byte. As in the Redis Cluster specification, of a key
 * with braces what is between them counts alone.
 */
export function slotOf(text: string): number {
  let from = text.indexOf('\r\n') + 2;
  let to = from + Number(text.slice(1, from - 2));
  const open = text.indexOf('{', from);
  if (open >= 0 && open < to) {
    const close = text.indexOf('}', open + 1);
    if (close > open + 1 && close < to) [from, to] = [open + 1, close];
  }
  let crc = 0;
  for (let at = from; at < to; at++)
    crc = ((crc << 8) & 0xffff) ^ (CRC16[(crc >> 8) ^ text.charCodeAt(at)] as number);
  return crc % SLOTS;
}
