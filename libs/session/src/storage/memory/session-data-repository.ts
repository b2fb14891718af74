import type { StoredData } from '../../model/session-data.js';
import type { MemorySession } from './session-record.js';
import type {
  DataEndOutcome,
  DataWrite,
  DataWriteOutcome,
  SessionDataRepository,
} from '../contract/session-data-repository.js';
import type { TokenProof } from '../contract/session-repository.js';

/** The data of sessions in this process's memory: on their records, so that it goes with them. */
export class MemorySessionDataRepository implements SessionDataRepository {
  /**
   * @param prove the record that a proof may act for, and the time
   * @param endSession ends the session of a proof that may act for it
   */
  constructor(
    private readonly prove: (
      proof: TokenProof,
    ) => { readonly session: MemorySession; readonly now: number } | undefined,
    private readonly endSession: (proof: TokenProof) => void,
  ) {}

  async read(proof: TokenProof): Promise<StoredData | undefined> {
    const proven = this.prove(proof);
    return proven && dataOf(proven.session);
  }

  async write({ proof, ifVersion, payload, isSameContent }: DataWrite): Promise<DataWriteOutcome> {
    const proven = this.prove(proof);
    if (!proven) return { outcome: 'refused' };
    const { session, now } = proven;
    const current = dataOf(session);
    if (ifVersion !== current.version) return { outcome: 'version_conflict', current };
    const version = isSameContent ? current.version : Math.max(current.version + 1, now);
    session.data = { version, payload: Buffer.from(payload) };
    return { outcome: 'written', version };
  }

  async end({ proof, ifVersion }: Parameters<SessionDataRepository['end']>[0]): Promise<DataEndOutcome> {
    const proven = this.prove(proof);
    if (!proven) return { outcome: 'refused' };
    const current = dataOf(proven.session);
    if (ifVersion !== current.version) return { outcome: 'version_conflict', current };
    this.endSession(proof);
    return { outcome: 'ended' };
  }
}

/** A copy, as the caller may change its bytes. */
export function dataOf({ data }: MemorySession): StoredData {
  return data
    ? { version: data.version, payload: Buffer.from(data.payload) }
    : { version: 0, payload: Buffer.alloc(0) };
}
