import type { OneTimeTokenScripts } from '../../redis/scripts/one-time-tokens.js';
import type { OneTimeTokenProof } from '../../token/one-time-token.js';
import { isUserRefOf, userRefOf } from '../../token/session-token.js';
import {
  type ConsumedRecord,
  type IssueOutcome,
  MAX_PER_PURPOSE,
  MAX_PER_SUBJECT,
  type NewOneTimeToken,
  type OneTimeTokenRepository,
} from '../contract/one-time-token-repository.js';
import { unexpected } from './distrust.js';
import type { ActMemory } from './recovery/act-memory.js';

/** One-time tokens beside the user records in Redis (redis/keys.ts): each method is one script on the subject's slot. */
export class RedisOneTimeTokenRepository implements OneTimeTokenRepository {
  constructor(
    private readonly scripts: OneTimeTokenScripts,
    private readonly acts: ActMemory,
  ) {}

  async issue({ userRef, ...token }: NewOneTimeToken): Promise<IssueOutcome> {
    const reply = await this.scripts.issue(userRef, {
      ...token,
      replaceOlder: token.replaceOlder ? 1 : 0,
      ifEpoch: token.ifEpoch ?? '',
      maxPerPurpose: MAX_PER_PURPOSE,
      maxPerSubject: MAX_PER_SUBJECT,
    });
    if (reply.kind === 'user_mismatch') throw unexpected(reply.kind);
    return reply.kind === 'issued'
      ? { outcome: reply.kind, expiresAt: reply.expiresAt }
      : { outcome: reply.kind };
  }

  async consume(
    { userRef, tokenId, tokenHash }: OneTimeTokenProof,
    { revokeAll }: { readonly revokeAll: boolean },
  ): Promise<ConsumedRecord | undefined> {
    const reply = await this.scripts.consume(userRef, { tokenId, tokenHash, revokeAll: revokeAll ? 1 : 0 });
    if (reply.kind === 'unknown') return undefined;
    const { data, epoch, version } = reply;
    const subject = String(reply.subject);
    if (!isUserRefOf(userRef, subject)) return undefined;
    if (revokeAll && epoch !== 0) this.acts.changed({ id: subject, version, epoch });
    return { subject, data: data.toString(), ...(epoch === 0 ? {} : { epoch }) };
  }

  revoke(subject: string, purpose: string): Promise<number> {
    return this.scripts.revoke(userRefOf(subject), { purpose });
  }
}
