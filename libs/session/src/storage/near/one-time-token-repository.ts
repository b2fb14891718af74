import { userRefOf } from '../../token/session-token.js';
import type { OneTimeTokenProof } from '../../token/one-time-token.js';
import type {
  ConsumedRecord,
  IssueOutcome,
  NewOneTimeToken,
  OneTimeTokenRepository,
} from '../contract/one-time-token-repository.js';
import type { LeaseClient } from './lease-client.js';

/** One-time tokens, which end sessions where they are used for that. */
export class NearOneTimeTokenRepository implements OneTimeTokenRepository {
  constructor(
    private readonly inner: OneTimeTokenRepository,
    private readonly leases: Pick<LeaseClient, 'act'>,
  ) {}

  issue(token: NewOneTimeToken): Promise<IssueOutcome> {
    return this.inner.issue(token);
  }

  async consume(
    proof: OneTimeTokenProof,
    options: { readonly revokeAll: boolean },
  ): Promise<ConsumedRecord | undefined> {
    if (!options.revokeAll) return this.inner.consume(proof, options);
    return this.leases.act(
      () => this.inner.consume(proof, options),
      (consumed) => consumed && userRefOf(consumed.subject),
    );
  }

  revoke(subject: string, purpose: string): Promise<number> {
    return this.inner.revoke(subject, purpose);
  }
}
