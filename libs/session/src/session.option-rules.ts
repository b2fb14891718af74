import { SessionConfigurationError } from './model/session-error.js';
import { NAME_PATTERN } from './policy/roles.js';

/** @throws SessionConfigurationError: each rule here does, with the option's name, unless it is met */
export function fail(option: string, message: string): never {
  throw new SessionConfigurationError(option, message);
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
  return fail(option, `must be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`);
}

/** True or false; absent is false. */
export function flag(option: string, value: boolean | undefined): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  return fail(option, 'must be true or false');
}

export function oneOf<const T extends string>(option: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  const choices = allowed.map((one) => `'${one}'`).join(' or ');
  return fail(option, `must be ${choices}, not ${JSON.stringify(value)}`);
}

/** A role or permission name. */
export function validName(option: string, value: unknown): string {
  if (typeof value === 'string' && NAME_PATTERN.test(value)) return value;
  return fail(option, `has a name that is not 1–64 letters, digits and . _ : - (${JSON.stringify(value)})`);
}

/** That an object has no property but the known ones, with a guess at what was meant. */
export function noOthers(given: object, known: readonly string[], prefix = ''): void {
  const unknown = Object.keys(given).find((one) => !known.includes(one));
  if (unknown === undefined) return;
  const typed = unknown.toLowerCase();
  const meant = known.find((one) => one.toLowerCase().includes(typed) || typed.includes(one.toLowerCase()));
  fail(prefix + unknown, `is no option${meant ? `: did you mean ${prefix}${meant}?` : ''}`);
}

export function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
