import { SessionError } from '../../model/session-error.js';
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

/** One-time tokens beside the user records in Redis (redis/keys.ts): each method is one script on the subject's slot. */
export class RedisOneTimeTokenRepository implements OneTimeTokenRepository {
  constructor(private readonly scripts: OneTimeTokenScripts) {}

  async issue({ userRef, ...token }: NewOneTimeToken): Promise<IssueOutcome> {
    const [outcome, expiresAt] = await this.scripts.issue(userRef, {
      ...token,
      replaceOlder: token.replaceOlder ? 1 : 0,
      ifEpoch: token.ifEpoch ?? '',
      maxPerPurpose: MAX_PER_PURPOSE,
      maxPerSubject: MAX_PER_SUBJECT,
    });
    if (expiresAt !== undefined) return { outcome: 'issued', expiresAt };
    if (outcome.toString() === 'epoch_changed') return { outcome: 'epoch_changed' };
    throw new SessionError('session_store_unavailable', {
      cause: new Error(`The script answered ${outcome.toString()}`),
    });
  }

  async consume(
    { userRef, tokenId, tokenHash }: OneTimeTokenProof,
    { revokeAll }: { readonly revokeAll: boolean },
  ): Promise<ConsumedRecord | undefined> {
    const reply = await this.scripts.consume(userRef, { tokenId, tokenHash, revokeAll: revokeAll ? 1 : 0 });
    if (reply.length === 0) return undefined;
    const [subject, data, epoch] = [String(reply[0]), reply[1], reply[2]];
    if (!isUserRefOf(userRef, subject)) return undefined;
    return { subject, data: data.toString(), ...(epoch === 0 ? {} : { epoch }) };
  }

  revoke(subject: string, purpose: string): Promise<number> {
    return this.scripts.revoke(userRefOf(subject), { purpose });
  }
}
