import { RareWarning } from './rare-warning.js';

/** Far more than any record or line of the sample has. */
const LONGEST = 16_384;

/** An object whose fields are not known yet. */
export type Unknowns = Readonly<Record<string, unknown>>;

/**
 * Reads what Redis or another node says. Whoever can write there can write anything, so it is parsed as anything: what is
 * not as it should be is named in the log and dropped, and never throws.
 */
export class UntrustedJson<T> {
  private readonly warning = new RareWarning('Redis');

  /**
   * @param what names it in the log
   * @param check makes the value from an object's known fields; `undefined` when they are not as they should be
   */
  constructor(
    private readonly what: string,
    private readonly check: (fields: Unknowns) => T | undefined,
  ) {}

  /** @param from where the text was read, for the log. What is in it is not logged. */
  read(text: unknown, from: string): T | undefined {
    const fields = typeof text === 'string' && text.length <= LONGEST ? objectIn(text) : undefined;
    const value = fields && this.check(fields);
    if (value === undefined) this.warning.say(`${this.what} in ${from} is damaged and is left out`);
    return value;
  }
}

function objectIn(text: string): Unknowns | undefined {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** @returns `undefined` for what is no object */
export function fieldsOf(value: unknown): Unknowns | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Unknowns) : undefined;
}

const LAST_INSTANT_MS = 8_640_000_000_000_000;

/** Whether a value is milliseconds since 1970 that a date can have. */
export function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= LAST_INSTANT_MS;
}
