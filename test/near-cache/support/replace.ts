/** A method, whatever it is of. */
export type Method = (this: never, ...args: never[]) => unknown;

/**
 * Puts another method in the place of one: without Jest's mocks, which remember each of a million calls.
 * @param make gets the one that was there
 * @returns puts it back
 */
export function replace(target: object, name: string, make: (original: Method) => Method): () => void {
  const original = Reflect.get(target, name) as Method;
  Reflect.set(target, name, make(original));
  return () => void Reflect.set(target, name, original);
}
