import { fileURLToPath } from 'node:url';
import { Child } from './child.mjs';

/** A delay proxy in a process of its own, in front of a port of 127.0.0.1. */
export class DelayProxy {
  #child;

  static async start(targetPort) {
    const path = fileURLToPath(new URL('delay-proxy.mjs', import.meta.url));
    const child = new Child(path, { args: [String(targetPort)] });
    return new DelayProxy(child, await child.ask('listen'));
  }

  constructor(child, port) {
    this.#child = child;
    this.port = port;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** How much is added to a round trip from now on, in milliseconds. */
  setDelay(ms) {
    return this.#child.ask('delay', ms);
  }

  stop() {
    return this.#child.stop();
  }
}
