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
  /** Those that have carried the act out, with how many connections they closed for it. */
  readonly confirmed: ReadonlyMap<string, number>;
}

/** Which nodes hold live connections, and what they have confirmed. Rejects with `session_store_unavailable`. */
export interface NodeRegistry {
  /** Says that the node is there, for the next 5 seconds. */
  register(nodeId: string): Promise<void>;
  remove(nodeId: string): Promise<void>;
  confirm(nodeId: string, act: ActRef, connectionsClosed: number): Promise<void>;
  confirmations(act: ActRef): Promise<Confirmations>;
}

/** How long a node that says nothing is believed to be there. */
export const NODE_TERM_MS = 5_000;
