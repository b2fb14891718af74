import { fork } from 'node:child_process';
import { once } from 'node:events';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Has a process killed with this one, if it is still there. */
export function endWithUs(child) {
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

export async function end(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}

/** A Node process that answers questions (`{ id, ask, args }`); what it says on stderr is told when it fails. */
export class Child {
  #process;
  #waiting = new Map();
  #said = '';
  #nextId = 1;

  constructor(path, { args = [], env = {} } = {}) {
    this.#process = endWithUs(
      fork(path, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }),
    );
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.#said = (this.#said + text).slice(-4_000)));
    }
    this.#process.on('message', ({ id, answer, error }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(answer);
      else reject(new Error(`${error}\n${this.#said}`));
    });
    this.#process.on('close', (code) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`${path} ended with ${code}\n${this.#said}`));
      }
      this.#waiting.clear();
    });
  }

  ask(ask, args) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, ask, args });
    });
  }

  /** What it has written so far. */
  get output() {
    return this.#said;
  }

  stop() {
    return end(this.#process, 'SIGKILL');
  }
}
