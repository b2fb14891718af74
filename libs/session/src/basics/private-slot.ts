/** A place for something beside an object. See `privateSlot`. */
interface PrivateSlot<T> {
  get(target: object): T | undefined;
  set(target: object, value: T): void;
}

/** Makes a subclass add its private fields to an object that is there already. */
const Adopted = function (target: object) {
  return target;
} as unknown as new (target: object) => object;

/**
 * Keeps a value beside any object: no other code can write it there, and no serialiser, copy or log shows it. What a
 * WeakMap does, by a private field: a WeakMap that is written with every request costs the garbage collector more than
 * all the rest of a check.
 */
export function privateSlot<T>(): PrivateSlot<T> {
  class Keeper extends Adopted {
    #value: T;

    constructor(target: object, value: T) {
      super(target);
      this.#value = value;
    }

    static get(target: object): T | undefined {
      return #value in target ? target.#value : undefined;
    }

    static set(target: object, value: T): void {
      if (#value in target) target.#value = value;
      else void new Keeper(target, value);
    }
  }
  return Keeper;
}
