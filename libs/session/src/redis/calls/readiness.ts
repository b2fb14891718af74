import type { Script, ScriptArgument } from '../lua/script.js';
import type { RedisClient } from './boot-check.js';
import { type CallBody, decodeBody } from './call-body.js';
import { ConnectionLoss, MOST_WAITING } from './connection-loss.js';
import { isUnknownScript } from './script-call.js';

/** Lets calls wait for a client that has lost its connection, if it may be back before their deadline. */
export class Readiness {
  private readonly waiting = new Set<() => void>();
  private readonly loss: ConnectionLoss;

  constructor(
    private readonly client: RedisClient,
    private readonly patienceMs: number,
  ) {
    this.loss = new ConnectionLoss(client, patienceMs, () => {
      const waiting = [...this.waiting];
      this.waiting.clear();
      for (const proceed of waiting) proceed();
    });
  }

  /** `undefined`: there is a connection. Rejects when none comes in time. */
  wait(): Promise<void> | undefined {
    if (this.client.status === 'ready') return undefined;
    if (!this.loss.isFresh || this.waiting.size >= MOST_WAITING) {
      return Promise.reject(new Error('There is no connection to Redis'));
    }
    return new Promise((resolve, reject) => {
      const proceed = (): void => (clearTimeout(timer), resolve());
      const timer = setTimeout(() => {
        this.waiting.delete(proceed);
        reject(new Error(`There was no connection to Redis for ${this.patienceMs} ms`));
      }, this.patienceMs);
      this.waiting.add(proceed);
    });
  }

  close(): void {
    this.loss.close();
  }
}

/** What ioredis has besides its typed commands: replies as bytes. */
export interface ByteScripting {
  evalshaBuffer(sha1: string, keys: number, ...rest: ScriptArgument[]): Promise<unknown>;
  evalBuffer(lua: string, keys: number, ...rest: ScriptArgument[]): Promise<unknown>;
}

/** Runs a script by ioredis's own commands. @returns the reply, as bytes */
export async function evaluateBy(client: ByteScripting, script: Script, body: CallBody): Promise<unknown> {
  const { keys, args } = decodeBody(body);
  try {
    return await client.evalshaBuffer(script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!isUnknownScript(error)) throw error;
    return client.evalBuffer(script.lua, keys.length, ...keys, ...args);
  }
}
