import type { StoredData } from '../../model/session-data.js';

/** A presented token, taken apart. Proof of being the session's client: the secret's hash is compared inside. */
export interface TokenProof {
  readonly userRef: string;
  readonly sessionId: string;
  readonly tokenHash: Buffer;
}

export interface DataWrite {
  /** The client that asks: acted upon only if its session is live at the user's epoch with this very secret. */
  readonly proof: TokenProof;
  /** The version that the data must be of; 0: nobody has written any. */
  readonly ifVersion: number;
  readonly payload: Buffer;
  /** The payload says the same as before, sealed anew: the version stays. */
  readonly isSameContent: boolean;
}

export type DataWriteOutcome =
  | { readonly outcome: 'written'; readonly version: number }
  /** Nothing was written. `current`: what is there. */
  | { readonly outcome: 'version_conflict'; readonly current: StoredData }
  /** The proof's session is not live at the current epoch, or the secret is another. Nothing was written. */
  | { readonly outcome: 'refused' };

export type DataEndOutcome =
  /** The session has ended, and nobody else has been told so: its data is for whoever asked. */
  | { readonly outcome: 'ended' }
  /** Nothing was changed. `current`: what is there. */
  | { readonly outcome: 'version_conflict'; readonly current: StoredData }
  /** The proof's session is not live at the current epoch, or the secret is another. Nothing was changed. */
  | { readonly outcome: 'refused' };

/**
 * The data of sessions. It goes with its session: it cannot be read or written any more when that has ended, and is
 * deleted then or at the user's next login.
 */
export interface SessionDataRepository {
  /** @returns `undefined` when the proof's session may not act */
  read(proof: TokenProof): Promise<StoredData | undefined>;
  write(write: DataWrite): Promise<DataWriteOutcome>;
  /** Ends the proof's session as a logout does, if its data is still of that version. Of all that ask, one is answered `ended`. */
  end(end: { readonly proof: TokenProof; readonly ifVersion: number }): Promise<DataEndOutcome>;
}
