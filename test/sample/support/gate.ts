type Method = (...args: never[]) => Promise<unknown>;
type MethodName<T> = { [Key in keyof T]: T[Key] extends Method ? Key : never }[keyof T];

/** A method call held back at its beginning or its end. */
export interface Gate {
  /** Resolves when somebody is waiting there. */
  readonly reached: Promise<void>;
  /** Lets them go on. */
  open(): void;
}

/**
 * Holds back the next call of a method, once; later calls pass. What runs is the real method: only the moment is chosen.
 * @param at `before` holds the call back, `after` its result
 */
export function hold<T extends object>(target: T, name: MethodName<T>, at: 'before' | 'after'): Gate {
  let open = (): void => undefined;
  let reach = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const original = target[name] as unknown as Method;
  const wait = (): Promise<void> => {
    reach();
    return opened;
  };
  const held = async (...args: never[]): Promise<unknown> => {
    delete (target as Record<PropertyKey, unknown>)[name]; // the prototype's own method is back
    if (at === 'before') await wait();
    try {
      return await original.apply(target, args);
    } finally {
      if (at === 'after') await wait();
    }
  };
  Object.defineProperty(target, name, { value: held, configurable: true, writable: true });
  return { reached, open };
}
