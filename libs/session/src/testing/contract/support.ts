// The contract suite uses the test runner's globals; nothing of it is in the types that the package ships.
/// <reference types="jest" />
import { randomBytes } from 'node:crypto';
import type { TokenLookup } from '../../model/decision.js';
import type { Session } from '../../model/session.js';
import type { SessionEvent } from '../../model/session-event.js';
import type { UserState } from '../../model/user-state.js';
import type {
  NewSession,
  ReplaceOutcome,
  RepositorySettings,
  RequestDemand,
  SessionRepository,
  TokenProof,
  TokenReplacement,
} from '../../storage/contract/session-repository.js';
import type { UserChange } from '../../storage/contract/user-repository.js';
import { mintToken, newSessionId, userRefOf } from '../../token/session-token.js';

/** A repository under test, and the time by which it goes. @publicApi */
export interface RepositoryHarness {
  /** Empty, and nobody else's. */
  readonly repository: SessionRepository;
  /** Lets so many milliseconds pass on the repository's clock; with a real clock, by waiting. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens a repository of these settings, for one test. @publicApi */
export type MakeHarness = (settings: RepositorySettings) => Promise<RepositoryHarness>;

/** Opens a repository for the running test; it is closed after it. Settings that are not given do not get in the way. */
export type OpenContract = (settings?: Partial<RepositorySettings>) => Promise<ContractTest>;

const HOUR_MS = 3_600_000;

export const RELAXED_SETTINGS: RepositorySettings = {
  roleLifetimes: new Map(),
  touchIntervalMs: 60_000,
  maxSessionsPerUser: 100,
  onSessionLimit: 'evict-oldest',
  rememberEndedMs: 24 * HOUR_MS,
  maxEndedSessions: 100,
};

interface Login {
  readonly proof: TokenProof;
  readonly session: Session;
  readonly user: UserState;
  readonly evicted: readonly string[];
}

type KnownToken = Extract<TokenLookup, { kind: 'known' }>;

/** A request that brings nothing along but what roles it will need. */
export function demand(touchIfRoles: readonly (readonly string[])[]): RequestDemand {
  return { touchIfRoles, quotas: [] };
}

/** One test's repository, and the steps that the tests are told in. Most are about one user, `ada`. */
export class ContractTest {
  readonly repository: SessionRepository;

  constructor(private readonly harness: RepositoryHarness) {
    this.repository = harness.repository;
  }

  advance(ms: number): Promise<void> {
    return this.harness.advance(ms);
  }

  /** Makes a user's record. */
  async makeUser(
    userId = 'ada',
    change: Pick<UserChange, 'roles' | 'ipAllowlist' | 'sourceVersion'> = {},
  ): Promise<UserState> {
    return this.change({ userId, ifVersion: 'absent', ...change });
  }

  /** A change that is expected to happen. @returns the user's state after it */
  async change(change: Partial<UserChange>): Promise<UserState> {
    const outcome = await this.repository.users.change({ userId: 'ada', ifVersion: 'any', ...change });
    if (outcome.outcome !== 'changed') throw new Error(`changeUser answered ${outcome.outcome}`);
    return outcome.user;
  }

  async user(userId = 'ada'): Promise<UserState> {
    const user = await this.repository.users.read(userId);
    if (!user) throw new Error(`There is no user ${userId}`);
    return user;
  }

  /** A login that is expected to succeed, of a user who is made if need be. */
  async login(overrides: Partial<NewSession> = {}): Promise<Login> {
    const { session, proof } = newSession(overrides);
    const created = await this.repository.create(session);
    if (created.outcome !== 'created') throw new Error(`create answered ${created.outcome}`);
    return { proof, session: created.session, user: created.user, evicted: created.evicted };
  }

  /** `live`, `revoked`, `expired`; or `unknown`, or `load`. */
  async status(proof: TokenProof): Promise<string> {
    const lookup = await this.repository.authenticate(proof, demand([]));
    return lookup.kind === 'known' ? lookup.status : lookup.kind;
  }

  statuses(logins: readonly Pick<Login, 'proof'>[]): Promise<string[]> {
    return Promise.all(logins.map(({ proof }) => this.status(proof)));
  }

  /** What is told of a token that is expected to be known. */
  async lookUp(proof: TokenProof, touchIfRoles: readonly (readonly string[])[] = []): Promise<KnownToken> {
    const lookup = await this.repository.authenticate(proof, demand(touchIfRoles));
    if (lookup.kind !== 'known') throw new Error(`authenticate answered ${lookup.kind}`);
    return lookup;
  }

  /** Replaces a token. @returns the outcome, and the proof of the new token */
  async replace(
    proof: TokenProof,
    options: Partial<TokenReplacement> = {},
  ): Promise<{ readonly outcome: ReplaceOutcome; readonly proof: TokenProof }> {
    const minted = mintToken(proof);
    const outcome = await this.repository.replaceToken({
      proof,
      newTokenHash: minted.tokenHash,
      reauthenticated: false,
      revokeOthers: false,
      ...options,
    });
    return { outcome, proof: proofOf(minted) };
  }

  /** A replacement that is expected to happen. */
  async replaced(proof: TokenProof, options: Partial<TokenReplacement> = {}) {
    const { outcome, proof: newProof } = await this.replace(proof, options);
    if (outcome.outcome !== 'replaced') throw new Error(`replaceToken answered ${outcome.outcome}`);
    return { ...outcome, proof: newProof };
  }

  /** Asks the app's database, as it were. @returns whether the answer was taken */
  async load(loaded: {
    userId?: string;
    roles?: string[];
    block?: UserChange['block'];
    ipAllowlist?: UserChange['ipAllowlist'];
    sourceVersion?: number;
  }) {
    const { userId = 'ada', roles = [], block, ipAllowlist, sourceVersion } = loaded;
    await this.repository.users.beginLoad(userId, 'nonce');
    return this.repository.users.finishLoad(
      {
        userId,
        roles,
        ...(block ? { block } : {}),
        ...(ipAllowlist === undefined ? {} : { ipAllowlist }),
        ...(sourceVersion === undefined ? {} : { sourceVersion }),
      },
      'nonce',
    );
  }
}

/** A session to be made and the proof of its token: of `ada`, for an hour, and she is made if need be. */
export function newSession(overrides: Partial<NewSession> = {}): { session: NewSession; proof: TokenProof } {
  const userId = overrides.userId ?? 'ada';
  const minted = mintToken({ userRef: userRefOf(userId), sessionId: overrides.sessionId ?? newSessionId() });
  const session: NewSession = {
    userId,
    sessionId: minted.sessionId,
    tokenHash: minted.tokenHash,
    device: { name: 'phone', userAgent: 'Firefox 150 on Android', ip: '2001:db8:1234:5678:9abc:def0:1234:7' },
    lifetime: lifetimeOf(HOUR_MS, HOUR_MS),
    assurance: 'aal1',
    rememberMe: false,
    createUser: true,
    ...overrides,
  };
  return { session, proof: proofOf(minted) };
}

export function lifetimeOf(inactivityTimeoutMs: number, absoluteTimeoutMs: number) {
  return { inactivityTimeoutMs, absoluteTimeoutMs };
}

/** The same session's proof with another secret: what anyone can make up who knows public ids. */
export function forged(proof: TokenProof): TokenProof {
  return { ...proof, tokenHash: randomBytes(32) };
}

function proofOf({ userRef, sessionId, tokenHash }: TokenProof): TokenProof {
  return { userRef, sessionId, tokenHash };
}

export function times<T>(howOften: number, make: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: howOften }, (_, index) => make(index)));
}

export function count<T extends string>(outcomes: readonly { readonly outcome: T }[], outcome: T): number {
  return outcomes.filter((one) => one.outcome === outcome).length;
}

/** Hears what a repository announces from here on. */
export async function hear(test: ContractTest): Promise<SessionEvent[]> {
  const heard: SessionEvent[] = [];
  await test.repository.events.listen({ onEvent: (event) => void heard.push(event) });
  await new Promise((go) => setTimeout(go, 20)); // where somebody listened before, the last event may be on its way
  heard.length = 0;
  return heard;
}
