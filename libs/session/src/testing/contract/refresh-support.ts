import type {
  NewFamily,
  NewSession,
  RefreshOutcome,
  RefreshRequest,
  TokenProof,
} from '../../storage/contract/session-repository.js';
import { OPAQUE_TOKENS } from '../../token/access-token.js';
import {
  newRefreshToken,
  newSalt,
  type RefreshToken,
  successorOf,
  type Successor,
} from '../../token/refresh-token.js';
import { type ContractTest, newSession } from './support.js';

export const HOUR_MS = 3_600_000;
/** So long that it does not end by itself while a test runs on a real clock. */
export const GRACE_MS = 10_000;
export const PHONE = { userAgent: 'Firefox 150 on Android', ip: '2001:db8:1234:5678:9abc:def0:1234:7' };
export const LAPTOP = { userAgent: 'Chrome 156 on Linux', ip: '2001:db8:85a3:1234:5678:9abc:def0:1234' };

/** A refresh token, and the proof of the access token that came with it. */
interface Pair {
  readonly refresh: RefreshToken;
  readonly proof: TokenProof;
}

type Refreshed = Extract<RefreshOutcome, { outcome: 'refreshed' }>;

type RefreshOptions = Partial<Pick<RefreshRequest, 'accessTokenTtlMs' | 'graceMs' | 'device'>>;

export function familyOf(refresh: RefreshToken, accessTokenTtlMs = HOUR_MS / 2): NewFamily {
  return { familyHash: refresh.familyHash, refreshHash: refresh.refreshHash, accessTokenTtlMs };
}

/** A login with refresh tokens. */
export async function loginWithRefresh(
  test: ContractTest,
  overrides: Partial<NewSession> & { readonly accessTokenTtlMs?: number } = {},
) {
  const { accessTokenTtlMs, ...rest } = overrides;
  const { session: order, proof } = newSession(rest);
  const refresh = newRefreshToken(proof);
  const created = await test.repository.create({ ...order, family: familyOf(refresh, accessTokenTtlMs) });
  if (created.outcome !== 'created') throw new Error(`create answered ${created.outcome}`);
  return { refresh, proof, session: created.session, user: created.user };
}

/** The pair that a refresh token and a salt make. */
export function pairOf(refresh: RefreshToken, salt: Buffer): Pair {
  const successor: Successor = successorOf(refresh, salt);
  const { userRef, sessionId } = refresh;
  const tokenHash = OPAQUE_TOKENS.hashOf(refresh, successor.accessSecret);
  return { refresh: successor.refresh, proof: { userRef, sessionId, tokenHash } };
}

/** Presents a refresh token. @returns the outcome, and the pair that it leads to if there is one */
export async function present(test: ContractTest, refresh: RefreshToken, options: RefreshOptions = {}) {
  const salt = newSalt();
  const offered = pairOf(refresh, salt);
  const outcome = await test.repository.refresh({
    proof: refresh,
    offer: { salt, refreshHash: offered.refresh.refreshHash, tokenHash: offered.proof.tokenHash },
    accessTokenTtlMs: HOUR_MS / 2,
    graceMs: GRACE_MS,
    device: { userAgent: '', ip: '' },
    ...options,
  });
  const what = 'outcome' in outcome ? outcome.outcome : outcome.kind;
  const pair =
    'outcome' in outcome && outcome.outcome === 'refreshed' ? pairOf(refresh, outcome.salt) : undefined;
  return { what, outcome, pair };
}

/** A refresh that is expected to happen. */
export async function refreshed(
  test: ContractTest,
  refresh: RefreshToken,
  options: RefreshOptions = {},
): Promise<Pair & { readonly outcome: Refreshed }> {
  const { what, outcome, pair } = await present(test, refresh, options);
  if (!pair) throw new Error(`refresh answered ${what}`);
  return { ...pair, outcome: outcome as Refreshed };
}

/** A token of the same family that nobody ever got. */
export function otherOfFamily(refresh: RefreshToken): RefreshToken {
  return successorOf(refresh, newSalt()).refresh;
}

/** What anyone can make up who knows public ids. */
export function forgedRefresh(refresh: RefreshToken): RefreshToken {
  return newRefreshToken(refresh);
}
