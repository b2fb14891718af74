import { SessionError } from '../model/session-error.js';

/**
 * Takes a value as it was given, whatever the types say of it, and gives back one of the type. What an app's own code
 * decides is refused with a `TypeError` or `RangeError` that names the parameter; what may come from a client (ids, names,
 * tokens, devices, data, versions) with a `SessionError` `bad_request`. Neither quotes the value: it may be a secret.
 */
export type Input<T> = (value: unknown, name: string) => T;

/** How each field of an object is taken. */
export type Inputs<T> = { readonly [Field in keyof T]-?: Input<Exclude<T[Field], undefined>> };

const LONGEST_LIST = 10_000;

/** Inputs for which `undefined` is a mistake and not absence. */
const neverUndefined = new WeakSet<object>();

/** The error of a parameter that only the app's own code decides. */
export function wrong(name: string, wanted: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${wanted}, not ${kindOf(value)}`);
}

/** The error of a value that a client may have sent. */
export function unusable(detail: string): SessionError {
  return new SessionError('bad_request', { detail });
}

export const anything: Input<never> = (value) => value as never;

export const yesOrNo: Input<boolean> = (value, name) => {
  if (typeof value === 'boolean') return value;
  throw wrong(name, 'true or false', value);
};

/** A function of the app's. */
export function callable<T>(value: T, name: string): T {
  if (typeof value === 'function') return value;
  throw wrong(name, 'a function', value);
}

export function oneOf<const T extends string>(...allowed: readonly T[]): Input<T> {
  return (value, name) => {
    if ((allowed as readonly unknown[]).includes(value)) return value as T;
    throw wrong(name, allowed.map((one) => `'${one}'`).join(' or '), value);
  };
}

/** A version of something, as it was read: clients send them back. */
export const version: Input<number> = (value, name) => {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw unusable(`${name} must be a safe, non-negative integer`);
};

/** A text that a client may have sent. */
export const text: Input<string> = (value, name) => {
  if (typeof value === 'string') return value;
  throw unusable(`${name} must be a text`);
};

/** A user's epoch, read before a credential was verified. An `undefined` one was to be read and was not. */
export const epoch: Input<number> = (value, name) => {
  if (value === undefined)
    throw new TypeError(`${name} is undefined: read the epoch, or leave the option out`);
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw wrong(name, 'the epoch of a user', value);
};
neverUndefined.add(epoch);

export function object(value: unknown, name: string): object {
  if (isObject(value)) return value;
  throw wrong(name, 'an object', value);
}

/** A list, of which every entry is taken by the same input. */
export function listOf<T>(input: Input<T>): Input<T[]> {
  return (value, name) => {
    if (!Array.isArray(value)) throw wrong(name, 'a list', value);
    if (value.length > LONGEST_LIST) throw wrong(name, `a list of at most ${LONGEST_LIST}`, value);
    return Array.from(value, (entry, i) => input(entry, `${name}[${i}]`));
  };
}

/**
 * A copy of an object's named fields, each of them read once; a field that is `undefined` is absent. Other fields are
 * none of ours. A promise is no object: a forgotten `await` must not mean "no options".
 */
export function fieldsOf<T extends object>(given: T, name: string, inputs: Inputs<T>): T {
  const source = object(given, name) as Record<string, unknown>;
  const fields: Record<string, unknown> = {};
  for (const [field, input] of Object.entries(inputs) as [string, Input<unknown>][]) {
    const where = `${name}.${field}`;
    const value = readOnce(source, field, where);
    if (value !== undefined || (neverUndefined.has(input) && field in source)) {
      fields[field] = input(value, where);
    }
  }
  return fields as T;
}

/** As an input: an object with these fields. */
export function fields<T extends object>(inputs: Inputs<T>): Input<T> {
  return (value, name) => fieldsOf(value as T, name, inputs);
}

function readOnce(source: Record<string, unknown>, field: string, where: string): unknown {
  try {
    return source[field];
  } catch (cause) {
    throw new TypeError(`${where} cannot be read`, { cause });
  }
}

function isObject(value: unknown): value is object {
  try {
    if (Object.prototype.toString.call(value) !== '[object Object]') return false;
    return typeof (value as { then?: unknown }).then !== 'function';
  } catch {
    return false;
  }
}

/** What a value is, and nothing of what is in it: it may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Promise) return 'a promise: is there an await missing?';
  if (typeof value === 'string') return 'this text';
  if (typeof value === 'object') return 'this object';
  return `this ${typeof value}`;
}
