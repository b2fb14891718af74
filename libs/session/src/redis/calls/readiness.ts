import type { Script, ScriptArgument } from '../lua/script.js';
import type { RedisClient } from './boot-check.js';
import { type CallBody, decodeBody } from './call-body.js';
import { isUnknownScript } from './script-call.js';

/** What keeps calls from being written although there is a connection. */
export interface Gate {
  readonly isOpen: boolean;
}

/** So many calls wait for a connection; more are refused at once. */
export const MOST_WAITING = 1_000;

/** Knows since when a client has no connection, and says when it has one again. */
export class ConnectionLoss {
  private since = performance.now();
  private wasReady: boolean;

  /** @param patienceMs a connection that has been gone for longer is not waited for */
  constructor(
    private readonly client: RedisClient,
    private readonly patienceMs: number,
    private readonly onBack: () => void,
  ) {
    this.wasReady = client.status === 'ready';
    client.on('ready', this.onReady).on('close', this.onClose);
  }

  /** Whether it is worth while to wait for the connection. */
  get isFresh(): boolean {
    const { status } = this.client;
    if (status === 'end') return false;
    return status === 'ready' || performance.now() - this.since < this.patienceMs;
  }

  close(): void {
    this.client.off('ready', this.onReady).off('close', this.onClose);
  }

  private readonly onReady = (): void => {
    this.wasReady = true;
    this.onBack();
  };

  private readonly onClose = (): void => {
    // A connection that never came about does not begin the wait anew.
    if (this.wasReady) this.since = performance.now();
    this.wasReady = false;
  };
}

/** Lets calls wait for a client that has lost its connection, if it may be back before their deadline. */
export class Readiness {
  /** By what lets a call go on: what refuses it. */
  private readonly waiting = new Map<() => void, (error: Error) => void>();
  private readonly loss: ConnectionLoss;

  constructor(
    private readonly client: RedisClient,
    private readonly patienceMs: number,
    private readonly gate: Gate = { isOpen: true },
  ) {
    this.loss = new ConnectionLoss(client, patienceMs, () => this.proceed());
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
    if (!this.loss.isFresh || this.waiting.size >= MOST_WAITING) {
      return Promise.reject(new Error('There is no connection to Redis'));
    }
    return new Promise((resolve, reject) => {
      const proceed = (): void => (clearTimeout(timer), resolve());
      const timer = setTimeout(() => {
        this.waiting.delete(proceed);
        reject(new Error(`There was no connection to Redis for ${this.patienceMs} ms`));
      }, this.patienceMs);
      this.waiting.set(proceed, (error) => (clearTimeout(timer), reject(error)));
    });
  }

  close(): void {
    this.loss.close();
  }

  private get isReady(): boolean {
    return this.gate.isOpen && this.client.status === 'ready';
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
