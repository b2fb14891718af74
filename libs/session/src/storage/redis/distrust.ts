import { SessionError } from '../../model/session-error.js';

/**
 * Makes a repository refuse what it cannot read. Anybody may have written to Redis: bytes that are no record of ours make a
 * `session_store_unavailable` of a method's failure, and a line in the log, but no TypeError.
 * @param except methods that see to it themselves
 */
export function distrust<T extends object>(
  repository: T,
  complain: (line: string) => void,
  except: readonly (keyof T)[] = [],
): T {
  const methods = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(repository) as object);
  for (const [name, { value }] of Object.entries(methods)) {
    if (typeof value !== 'function' || name === 'constructor' || except.includes(name as keyof T)) continue;
    const method = value as (...args: unknown[]) => unknown;
    const distrustful = (...args: unknown[]): unknown => {
      const result = method.apply(repository, args);
      if (!(result instanceof Promise)) return result;
      return result.catch((error: unknown) => {
        if (error instanceof SessionError) throw error;
        complain(`Redis holds something that ${name} cannot read: ${String(error)}`);
        throw unexpected('something unreadable');
      });
    };
    Object.defineProperty(repository, name, { value: distrustful, configurable: true, writable: true });
  }
  return repository;
}

/** `user_mismatch`: two user ids with one userRef, a collision of 128 bits of SHA-256. It is refused, not served. */
export function unexpected(outcome: string): SessionError {
  return new SessionError('session_store_unavailable', {
    cause: new Error(`The script answered ${outcome}`),
  });
}
