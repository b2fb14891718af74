/** An act that returns a receipt: every one of them raises its user's version. */
export interface ActRef {
  readonly userRef: string;
  readonly version: number;
}

/** A change of a named list, told from acts against users by a name that no userRef has. */
export function actOnIpList(list: string, version: number): ActRef {
  return { userRef: `list:${list}`, version };
}

export interface Confirmations {
  /** The nodes that hold live connections now. */
  readonly nodes: readonly string[];
  /** Those of them that were heard of within `NODE_AWAITED_MS`: whoever acts waits for these. */
  readonly awaited: readonly string[];
  /** Those that have carried the act out, with how many connections they closed for it. */
  readonly confirmed: ReadonlyMap<string, number>;
}

/** Which nodes hold live connections, and what they have confirmed. Rejects with `session_store_unavailable`. */
export interface NodeRegistry {
  /**
   * Says that the node is there, for the next 5 seconds.
   * @returns whether acts may have passed it by: it was not known to be there, or did not confirm one
   */
  register(nodeId: string): Promise<boolean>;
  remove(nodeId: string): Promise<void>;
  confirm(nodeId: string, act: ActRef, connectionsClosed: number): Promise<void>;
  /** Says that a node did not confirm an act in time, so that it is told with its next `register`. */
  reportMissed(nodeId: string): Promise<void>;
  confirmations(act: ActRef): Promise<Confirmations>;
}

/** How long a node that says nothing is believed to be there. */
export const NODE_TERM_MS = 5_000;

/**
 * How long after a sign of life acts wait for a node. A node that gave none for longer, by its own clock, must not act
 * on what it asked before: nobody waits until that is out of date.
 */
export const NODE_AWAITED_MS = 1_500;
