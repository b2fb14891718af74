/**
 * One `SessionModule` of the process: an object of its own for each, so that two of the same name can be told apart.
 * @publicApi
 */
export interface Realm {
  /** Its option `keyPrefix`, also where sessions are kept in memory. A bounded set: good for a label. */
  readonly name: string;
}

/** Of what was set up without a `SessionModule`. */
export const NO_REALM: Realm = Object.freeze({ name: 'lk' });
