import { sameHash, userRefOf } from '../../token/session-token.js';
import type { OneTimeTokenProof } from '../../token/one-time-token.js';
import type { MemorySessionRepository } from './session-repository.js';
import {
  type ConsumedRecord,
  type IssueOutcome,
  MAX_PER_PURPOSE,
  MAX_PER_SUBJECT,
  type NewOneTimeToken,
  type OneTimeTokenRepository,
} from '../contract/one-time-token-repository.js';
import type { KeptOneTimeToken } from '../contract/user-repository.js';

interface Kept extends NewOneTimeToken {
  readonly expiresAt: number;
  /** `undefined`: the subject had no user record. */
  readonly epoch: number | undefined;
}

const SWEEP_EVERY = 1_024;

/** One-time tokens in this process's memory, beside the users that they are bound to. No method awaits before it is done. */
export class MemoryOneTimeTokenRepository implements OneTimeTokenRepository {
  /** By userRef; newest first. */
  private readonly tokens = new Map<string, Kept[]>();
  private issued = 0;

  constructor(private readonly sessions: MemorySessionRepository) {
    sessions.users.whenErased((userRef) => this.tokens.delete(userRef));
    sessions.users.whenExported((userRef) => ({ oneTimeTokens: this.kept(userRef) }));
  }

  async issue(token: NewOneTimeToken): Promise<IssueOutcome> {
    const now = this.sessions.clock.now();
    const epoch = this.sessions.users.epochOf(token.subject);
    if (token.ifEpoch !== undefined && token.ifEpoch !== epoch) return { outcome: 'epoch_changed' };
    const kept: Kept = {
      ...token,
      tokenHash: Buffer.from(token.tokenHash),
      epoch,
      expiresAt: now + token.ttlMs,
    };
    let sameRoom = token.replaceOlder ? 0 : MAX_PER_PURPOSE - 1;
    let room = MAX_PER_SUBJECT - 1;
    const hasRoom = ({ purpose }: Kept): boolean => {
      const isSame = purpose === token.purpose;
      if (room === 0 || (isSame && sameRoom === 0)) return false;
      room -= 1;
      if (isSame) sameRoom -= 1;
      return true;
    };
    this.tokens.set(token.userRef, [kept, ...this.live(token.userRef, now).filter(hasRoom)]);
    this.sweep(now);
    return { outcome: 'issued', expiresAt: kept.expiresAt };
  }

  async consume(
    { userRef, tokenId, tokenHash }: OneTimeTokenProof,
    { revokeAll }: { readonly revokeAll: boolean },
  ): Promise<ConsumedRecord | undefined> {
    const tokens = this.tokens.get(userRef) ?? [];
    const found = tokens.find((one) => one.tokenId === tokenId);
    if (!found || !sameHash(found.tokenHash, tokenHash)) return undefined;
    this.tokens.set(
      userRef,
      tokens.filter((one) => one !== found),
    );
    const { subject, data, expiresAt } = found;
    const epoch = this.sessions.users.epochOf(subject);
    if (this.sessions.clock.now() >= expiresAt || epoch !== found.epoch) return undefined;
    if (epoch === undefined) return { subject, data };
    if (revokeAll) void this.sessions.revokeAll(subject);
    return { subject, data, epoch: this.sessions.users.epochOf(subject) ?? epoch };
  }

  async revoke(subject: string, purpose: string): Promise<number> {
    const now = this.sessions.clock.now();
    const userRef = userRefOf(subject);
    const live = this.live(userRef, now);
    const left = live.filter((one) => one.purpose !== purpose);
    this.tokens.set(userRef, left);
    const epoch = this.sessions.users.epochOf(subject);
    return live.filter((one) => one.purpose === purpose && one.epoch === epoch).length;
  }

  private kept(userRef: string): KeptOneTimeToken[] {
    return (this.tokens.get(userRef) ?? []).map(({ purpose, expiresAt, ttlMs }) => ({
      purpose,
      issuedAt: expiresAt - ttlMs,
      expiresAt,
    }));
  }

  private live(userRef: string, now: number): Kept[] {
    return (this.tokens.get(userRef) ?? []).filter(({ expiresAt }) => now < expiresAt);
  }

  /** Subjects for whom nothing is issued any more must not stay for ever. */
  private sweep(now: number): void {
    if (++this.issued % SWEEP_EVERY !== 0) return;
    for (const userRef of this.tokens.keys()) {
      if (this.live(userRef, now).length === 0) this.tokens.delete(userRef);
    }
  }
}
