/** Leave to answer from memory for a user, or by a named list, until it has run out or is given back. */
export interface AskedLease {
  /** The near cache's own name: `HOLDER_BYTES` bytes, a character each. */
  readonly holder: string;
  /** How many the holder has asked for, with this one. */
  readonly fill: number;
  readonly termMs: number;
}
