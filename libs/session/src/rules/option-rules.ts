import { kindOf } from '../basics/inputs.js';
import { SessionConfigurationError } from '../model/session-error.js';
import { NAME_PATTERN } from './roles.js';

/** @throws SessionConfigurationError: each rule here does, with the option's name, unless it is met */
export function fail(option: string, message: string): never {
  throw new SessionConfigurationError(option, message);
}

/** @throws SessionConfigurationError that says what is wanted, and what kind of value was given: it may be a secret */
export function mustBe(option: string, wanted: string, given: unknown): never {
  return fail(option, `must be ${wanted}, not ${kindOf(given)}`);
}

/** A value that is no secret, as an error quotes it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

/** What `make` gives; the RangeError of a value that it cannot take becomes the option's. */
export function attempt<T>(option: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) return fail(option, `cannot be used: ${error.message}`);
    throw error;
  }
}

export function integer(option: string, value: number, range: { least: number; most: number }): number {
  const { least, most } = range;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  return fail(option, `must be a whole number from ${least} to ${most}, not ${shown(value)}`);
}

/** True or false; absent is false. */
export function flag(option: string, value: boolean | undefined): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  return mustBe(option, 'true or false', value);
}

export function oneOf<const T extends string>(option: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  const choices = allowed.map((one) => `'${one}'`).join(' or ');
  return fail(option, `must be ${choices}, not ${shown(value)}`);
}

/** A role or permission name. */
export function validName(option: string, value: unknown): string {
  if (typeof value === 'string' && NAME_PATTERN.test(value)) return value;
  return fail(option, `has the name ${shown(value)}: names are 1–64 letters, digits and . _ : -`);
}

/**
 * Options that may be there and `undefined`, as if left out: their default allows no more than any value does. Everywhere
 * else a setting that is missing would quietly take a limit away, share keys with another app, or turn something off.
 */
const MAY_BE_UNDEFINED: ReadonlySet<string> = new Set([
  'redis', // has a rule of its own
  'RedisThrottlerStorage.redis',
  'commandTimeoutMs',
  'RedisThrottlerStorage.commandTimeoutMs',
  'allowMemoryInProduction',
  'clock',
  'publicOrigin',
  'allowedOrigins',
  'cookie.name',
  'accessToken',
  'jwt',
  'jwt.clockTolerance',
  'permissions',
  'userDirectoryTimeout',
  'signing',
  'trust',
  'clockTolerance',
]);
/** A key that is active from the first, or not retired yet. */
const TIME_OF_A_KEY = /\.(activeAt|retiredAt)$/;

/**
 * That an object has no property but the known ones, with a guess at what was meant, and none without a value: `null`
 * never, `undefined` only where that is safe.
 */
export function noOthers(given: object, known: readonly string[], prefix = ''): void {
  const unknown = Object.keys(given).find((one) => !known.includes(one));
  if (unknown === undefined) return assertValues(given, prefix);
  const typed = unknown.toLowerCase();
  const meant = known.find((one) => one.toLowerCase().includes(typed) || typed.includes(one.toLowerCase()));
  fail(prefix + unknown, `is an unknown option${meant ? `: did you mean ${prefix}${meant}?` : ''}`);
}

function assertValues(given: object, prefix: string): void {
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    const option = prefix + name;
    const isFine = value === undefined && (MAY_BE_UNDEFINED.has(option) || TIME_OF_A_KEY.test(option));
    if (value === null || (value === undefined && !isFine))
      fail(
        option,
        `is ${String(value)}: is a setting missing? Give it a value, or leave it out for the default`,
      );
  }
}

export function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Options as `forRoot()` is given them, of which Nest copies only what is their own: a class's getter would be lost, and
 * with it the guard.
 * @throws SessionConfigurationError
 */
export function assertOwn(given: unknown, known: readonly string[]): void {
  if (!isRecord(given)) mustBe('options', 'an object', given);
  const lost = known.find((name) => name in given && !Object.hasOwn(given, name));
  if (lost !== undefined)
    fail(lost, 'is inherited, and Nest copies own properties only: give forRoot() a plain object');
}

/** An `isGlobal` that is there, as in what `forRoot()` and `forRootAsync()` are given. */
export function isGlobalFrom(isGlobal: unknown): boolean {
  if (typeof isGlobal === 'boolean') return isGlobal;
  return fail('isGlobal', `must be true or false, not ${shown(isGlobal)}`);
}
