import type { JsonObject, JsonValue } from '../model/session-data.js';
import { SessionError } from '../model/session-error.js';

/** A JSON object that is being put together. */
export type MutableJsonObject = Record<string, JsonValue>;

/** Far more than any data needs, and far less than what recursion can bear. A cycle has more. */
const MAX_LEVELS = 32;
const MAX_PATH_LENGTH = 100;

/**
 * A deep copy of what JSON can say. Its objects have no prototype, so that no key means more than it says; `undefined`
 * is absence.
 * @throws SessionError `bad_request`, naming the place, for what JSON cannot say, and for a key `__proto__`
 */
export function copyOf(value: unknown, path = 'data', levels = MAX_LEVELS): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw unfit(path, `is ${value}, which JSON cannot say`);
    return value;
  }
  if (typeof value !== 'object') throw unfit(path, `is of type ${typeof value}, which JSON cannot say`);
  if (levels === 0) throw unfit(path, `is nested deeper than ${MAX_LEVELS} levels`);
  // Array.from: holes are no values either.
  if (Array.isArray(value)) return Array.from(value, (item, i) => copyOf(item, `${path}[${i}]`, levels - 1));
  return copyOfObject(value, path, levels);
}

/** As `copyOf`, of an object. */
export function copyOfObject(value: unknown, path = 'data', levels = MAX_LEVELS): MutableJsonObject {
  assertPlainObject(value, path);
  const copy = emptyObject();
  for (const [key, inner] of Object.entries(value)) {
    assertKey(key, path);
    if (inner !== undefined) copy[key] = copyOf(inner, `${path}.${key}`, levels - 1);
  }
  return copy;
}

export function emptyObject(): MutableJsonObject {
  return Object.create(null) as MutableJsonObject;
}

/** @throws SessionError `bad_request` for what cannot be a key */
export function assertKey(key: unknown, path = 'data'): asserts key is string {
  if (typeof key !== 'string') throw unfit(path, 'has a key that is no text');
  if (key === '__proto__') throw unfit(path, 'has a key __proto__');
}

/** The object that a text of ours says. @throws SyntaxError or SessionError for any other */
export function parseObject(text: string): JsonObject {
  return copyOfObject(JSON.parse(text));
}

/** @throws SessionError `bad_request` for anything but an object as JSON has it: no array, no instance of a class */
export function assertPlainObject(value: unknown, path = 'data'): asserts value is object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const prototype = Object.getPrototypeOf(value) as object | null;
    // Also of another realm, whose Object.prototype is another.
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return;
  }
  throw unfit(path, 'is not a plain object');
}

/** The error of what is no data. */
export function unfit(path: string, problem: string): SessionError {
  const place = path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}…` : path;
  return new SessionError('bad_request', { detail: `${place} ${problem}` });
}
