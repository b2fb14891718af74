/** What an act against a user came to, given when it holds on every node. @publicApi */
export interface RevocationReceipt {
  readonly userId: string;
  /** The user's version after the act. */
  readonly version: number;
  /** The user's authorization epoch after the act. */
  readonly epoch: number;
  /** How many live sessions it ended. */
  readonly sessions: number;
  /** How long it took, in milliseconds. */
  readonly ms: number;
}
