import type { TokenLookup } from '../../model/decision.js';
import { END_REASONS } from '../../model/session.js';
import type { StoredData } from '../../model/session-data.js';
import { isSlotOpen } from '../../redis/scripts/open-slot.js';
import type { SessionDataScripts } from '../../redis/scripts/session-data.js';
import type {
  DataEndOutcome,
  DataWrite,
  DataWriteOutcome,
  SessionDataRepository,
} from '../contract/session-data-repository.js';
import type { LoadFirst, TokenProof } from '../contract/session-repository.js';

/** The data of sessions in Redis: a hash beside that of the sessions, on the same slot. */
export class RedisSessionDataRepository implements SessionDataRepository {
  constructor(
    private readonly scripts: SessionDataScripts,
    private readonly roleLifetimes: string,
  ) {}

  async read({ userRef, sessionId, tokenHash }: TokenProof): Promise<StoredData | undefined> {
    const { roleLifetimes } = this;
    const reply = await this.scripts.read(userRef, { sessionId, tokenHash, roleLifetimes });
    return reply.kind === 'refused' ? undefined : { version: reply.version, payload: reply.payload };
  }

  /**
   * A check that brings data along: while a Cluster moves the slot, the check first and then the data. Nothing was counted
   * by the one that could not be made.
   */
  async broughtBy<Found extends TokenLookup | LoadFirst>(
    looked: Promise<Found>,
    { userRef, sessionId }: TokenProof,
    lookAlone: () => Promise<Found>,
  ): Promise<Found> {
    try {
      return await looked;
    } catch (error) {
      if (!isSlotOpen(error)) throw error;
      const found = await lookAlone();
      if (found.kind !== 'known' || found.status !== 'live' || found.user.status !== 'active') return found;
      if (!found.ipAllowed) return found;
      return { ...found, data: await this.scripts.readAlone(userRef, sessionId) };
    }
  }

  async write({ proof, ifVersion, payload, isSameContent }: DataWrite): Promise<DataWriteOutcome> {
    const { userRef, sessionId, tokenHash } = proof;
    const reply = await this.scripts.write(userRef, {
      sessionId,
      tokenHash,
      ifVersion,
      payload,
      isSameContent: isSameContent ? 1 : 0,
      roleLifetimes: this.roleLifetimes,
      endReason: '',
    });
    if (reply.kind === 'refused') return { outcome: reply.kind };
    const { version } = reply;
    if (reply.kind === 'written') return { outcome: reply.kind, version };
    return { outcome: reply.kind, current: { version, payload: reply.payload } };
  }

  async end({
    proof: { userRef, sessionId, tokenHash },
    ifVersion,
  }: Parameters<SessionDataRepository['end']>[0]): Promise<DataEndOutcome> {
    const reply = await this.scripts.write(userRef, {
      sessionId,
      tokenHash,
      ifVersion,
      payload: '',
      isSameContent: 0,
      roleLifetimes: this.roleLifetimes,
      endReason: END_REASONS.logout.code,
    });
    if (reply.kind === 'written') return { outcome: 'ended' };
    if (reply.kind === 'refused') return { outcome: reply.kind };
    return { outcome: reply.kind, current: { version: reply.version, payload: reply.payload } };
  }
}
