import { AsyncLocalStorage } from 'node:async_hooks';

/** Runs several actors in one process, one step of one actor at a time, in an order that a test dictates. */
export class Stage {
  private readonly actor = new AsyncLocalStorage<Actor>();

  /** Makes every call of these methods wait for its turn when an actor on this stage makes it. */
  pauseBefore<T extends object>(target: T, ...methods: (keyof T & string)[]): void {
    for (const method of methods) {
      const original = (target[method] as (...args: unknown[]) => unknown).bind(target);
      const paused = async (...args: unknown[]): Promise<unknown> => {
        await this.turn();
        return this.actor.exit(() => original(...args)); // what it calls itself is part of the step
      };
      Object.defineProperty(target, method, { value: paused, configurable: true, writable: true });
    }
  }

  /** For an actor: ends its step here. */
  turn(): Promise<void> {
    return this.actor.getStore()?.pause() ?? Promise.resolve();
  }

  /** For an actor: does something in one step, however many calls it makes. */
  atOnce<T>(something: () => Promise<T>): Promise<T> {
    return this.actor.exit(something);
  }

  /**
   * Gives the actors named in the schedule one step each, in that order; whatever is left of them then runs to its end.
   * @returns how each actor ended
   */
  async play(
    schedule: readonly string[],
    scripts: Readonly<Record<string, () => Promise<unknown>>>,
  ): Promise<Record<string, PromiseSettledResult<unknown>>> {
    const actors = new Map(Object.keys(scripts).map((name) => [name, new Actor()]));
    const begun = new Map<string, Promise<unknown>>();
    const step = async (name: string): Promise<void> => {
      const actor = actors.get(name) as Actor;
      if (!begun.has(name)) {
        const end = this.actor.run(actor, () => actor.perform(scripts[name] as () => Promise<unknown>));
        end.catch(() => undefined); // how it ended is told when the play is over
        begun.set(name, end);
      } else {
        actor.goOn();
      }
      await actor.rests();
    };
    for (const name of schedule) await step(name);
    for (const name of actors.keys()) while (!(actors.get(name) as Actor).ended) await step(name);
    const ends = await Promise.all(
      [...begun].map(async ([name, end]) => [name, (await Promise.allSettled([end]))[0]]),
    );
    return Object.fromEntries(ends) as Record<string, PromiseSettledResult<unknown>>;
  }
}

class Actor {
  ended = false;
  private resume: (() => void) | undefined;
  private rested: (() => void) | undefined;
  private isResting = false;
  private hasBegun = false;

  async perform(script: () => Promise<unknown>): Promise<unknown> {
    try {
      return await script();
    } finally {
      this.ended = true;
      this.rest();
    }
  }

  /** The first call of all does not wait: with it, the first step would be empty. */
  pause(): Promise<void> {
    if (!this.hasBegun) {
      this.hasBegun = true;
      return Promise.resolve();
    }
    const resumed = new Promise<void>((resolve) => (this.resume = resolve));
    this.rest();
    return resumed;
  }

  goOn(): void {
    if (this.ended) return;
    this.isResting = false;
    this.resume?.();
  }

  /** Resolves when the actor waits for its next turn, or has ended. */
  rests(): Promise<void> {
    if (this.isResting || this.ended) return Promise.resolve();
    return new Promise((resolve) => (this.rested = resolve));
  }

  private rest(): void {
    this.isResting = true;
    this.rested?.();
    this.rested = undefined;
  }
}

/** Every order in which actors with so many steps each can take turns. */
export function* everyOrder(steps: Readonly<Record<string, number>>): Generator<string[]> {
  const left = Object.entries(steps).filter(([, count]) => count > 0);
  if (left.length === 0) yield [];
  for (const [name, count] of left) {
    for (const rest of everyOrder({ ...steps, [name]: count - 1 })) yield [name, ...rest];
  }
}
