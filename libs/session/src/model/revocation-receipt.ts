/** What an act against a user came to, given when it holds on every node. @publicApi */
export interface RevocationReceipt {
  readonly userId: string;
  /** The user's version after the act. */
  readonly version: number;
  /** The user's authorization epoch after the act. */
  readonly epoch: number;
  /** How many live sessions it ended. */
  readonly sessions: number;
  /** How many live connections the nodes that confirmed have closed for it. */
  readonly connectionsClosed: number;
  /**
   * The nodes that hold live connections: how many have carried the act out, and how many did not say so within 250 ms
   * (dead, frozen or cut off; such a node checks again whatever it holds once it is back). One that has given no sign
   * of life for 1.5 s is told as expired without waiting, and forgotten after 5 s. If the nodes could not be asked for
   * at all, that counts as one `expired`.
   */
  readonly nodes: { readonly confirmed: number; readonly expired: number };
  /** How long it took, in milliseconds. */
  readonly ms: number;
}
