import type { JsonObject, JsonValue } from '../../model/session-data.js';
import { SessionError } from '../../model/session-error.js';

/** A JSON object that is being put together. */
export type MutableJsonObject = Record<string, JsonValue>;

/** Far more than any data needs, and far less than what recursion can bear. A cycle has more. */
const MAX_LEVELS = 32;
const MAX_PATH_LENGTH = 100;
/**
 * As many as the largest data can have: each takes two bytes at least. Without an end to it, an object that holds another
 * twice, which holds another twice, and so on, would be copied for ever.
 */
const MAX_VALUES = 524_288;

/** How much may still come. */
interface Room {
  readonly levels: number;
  readonly count: { values: number };
}

/**
 * A deep copy of what JSON can say. Its objects have no prototype, so that no key means more than it says; `undefined`
 * is absence.
 * @throws SessionError `bad_request`, naming the place, for what JSON cannot say, and for a key `__proto__`
 */
export function copyOf(value: unknown, path = 'data'): JsonValue {
  return readable(path, () => copied(value, path, { levels: MAX_LEVELS, count: { values: 0 } }));
}

/** As `copyOf`, of an object. */
export function copyOfObject(value: unknown, path = 'data'): MutableJsonObject {
  return readable(path, () => copiedObject(value, path, { levels: MAX_LEVELS, count: { values: 0 } }));
}

function copied(value: unknown, path: string, { levels, count }: Room): JsonValue {
  if (++count.values > MAX_VALUES) throw unfit(path, 'has too many values');
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw unfit(path, `is ${value}, which JSON cannot say`);
    return value;
  }
  if (typeof value !== 'object') throw unfit(path, `is of type ${typeof value}, which JSON cannot say`);
  if (levels === 0) throw unfit(path, `is nested deeper than ${MAX_LEVELS} levels`);
  if (!Array.isArray(value)) return copiedObject(value, path, { levels, count });
  if (value.length > MAX_VALUES) throw unfit(path, 'has too many values');
  // Array.from: holes are no values either.
  return Array.from(value, (item, i) => copied(item, `${path}[${i}]`, { levels: levels - 1, count }));
}

function copiedObject(value: unknown, path: string, { levels, count }: Room): MutableJsonObject {
  assertPlainObject(value, path);
  const copy = emptyObject();
  for (const [key, inner] of Object.entries(value)) {
    assertKey(key, path);
    if (inner !== undefined) copy[key] = copied(inner, `${path}.${key}`, { levels: levels - 1, count });
  }
  return copy;
}

/** A property may be a function of the app's, which may throw whatever it likes. */
function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof SessionError ? error : unfit(path, 'cannot be read');
  }
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
function assertPlainObject(value: unknown, path = 'data'): asserts value is object {
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
