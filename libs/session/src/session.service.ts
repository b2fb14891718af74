import { Inject, Injectable, Logger } from '@nestjs/common';
import { handleOf, keepHandle, SessionDataHandle } from './data/session-data-handle.js';
import { NO_DATA, SessionDataStore } from './data/session-data-store.js';
import { attachment } from './model/attachment.js';
import type { AccessRequirements, Decision, Facts } from './model/decision.js';
import { SessionError, denialError } from './model/session-error.js';
import { confirmationsOf } from './live/confirmations.js';
import type { IpRequirements, IpVerdict } from './model/ip-list.js';
import type { UserQuota } from './model/quota.js';
import type { RevocationReceipt } from './model/revocation-receipt.js';
import type { AssuranceLevel, Device, EndReason, Session } from './model/session.js';
import type { JsonObject, StoredData } from './model/session-data.js';
import type { UserState } from './model/user-state.js';
import { decide } from './policy/decide.js';
import type {
  LoadFirst,
  RequestDemand,
  SessionRepository,
  TokenProof,
} from './repository/session-repository.js';
import { ACCESS_TOKENS, SESSION_REPOSITORY, SESSION_SETTINGS } from './session.injection-keys.js';
import { askAfterLoad, isLoad, type Issue, SessionIssuer } from './session.issuer.js';
import type { SessionSettings } from './session.settings.js';
import type { AccessTokenFormat } from './token/access-token.js';
import { isSessionId, newSessionId, type ParsedToken, userRefOf } from './token/session-token.js';
import { isSameVerdict } from './policy/ip.js';
import { normaliseDevice } from './policy/device.js';
import { IpPolicy } from './ip-policy.service.js';
import { UserStateService } from './user-state.service.js';

/** @publicApi */
export interface CreateSessionOptions {
  /** What the person will recognise this session by. `name` is cut to 64 characters. */
  readonly device?: Partial<Device>;
  /** What the session's data begins with: a JSON object. Default none. */
  readonly data?: object;
  /** Use the longer `rememberMeLifetime`. Default false. */
  readonly rememberMe?: boolean;
  /** How the person proved who they are. Default `aal1`. */
  readonly assurance?: AssuranceLevel;
  /**
   * The user's epoch, read *before* the password or other credential was verified (`UserStateService.get` or `ensure`).
   * If a block, a password change or a "log out everywhere" came in between, the login fails with `epoch_changed`.
   * Leave it out only where nothing of yours was verified.
   */
  readonly ifEpoch?: number;
}

/** Credentials and the session that they open. The tokens are shown here once and kept nowhere. @publicApi */
export interface IssuedSession {
  /** The access token: what requests carry. */
  readonly token: string;
  /** With the option `refresh`: what gets new tokens, once. */
  readonly refreshToken?: string;
  /** When the access token ends: by its own time with the option `refresh`, else with the session if no request comes. */
  readonly expiresAt: number;
  readonly session: Session;
  readonly user: UserState;
}

/** @publicApi */
export interface AuthenticatedSession {
  readonly session: Session;
  readonly user: UserState;
}

/** @publicApi */
export interface ReplaceTokenOptions {
  /** As at creation: read before the credential was verified. */
  readonly ifEpoch?: number;
  /** The person proved who they are just now: both timeouts start again. Default true. */
  readonly reauthenticated?: boolean;
  /** Raises the session's assurance (step-up); never lowers it. */
  readonly assurance?: AssuranceLevel;
  /** End every other session of the user's in the same step: for a password change. Default false. */
  readonly revokeOthers?: boolean;
}

/** @publicApi */
export interface RefreshOptions {
  /** Who presents it, as at creation: what the session is known by from then on, where it differs. */
  readonly device?: Partial<Device>;
  /**
   * An access token that came along, if only to say whose session it is: it may have run out. One of another session
   * makes the refresh token invalid. Give it where a browser sent both in cookies: a subdomain can plant a refresh
   * cookie, but no `__Host-` one.
   */
  readonly accessToken?: string;
}

/** Where a token was presented. @publicApi */
export interface TokenOrigin {
  /** As `SessionTransport.clientIp` gives it. Absent, it is not known: then no allowlist lets it in. */
  readonly clientIp?: string | undefined;
}

/** A decision, and when the repository made it, by its own clock; absent where it was not asked. @internal */
export interface Examination {
  readonly decision: Decision;
  readonly now: number | undefined;
  /** When the token ends before its session does. */
  readonly tokenEndsAt?: number | undefined;
}

const NO_REQUIREMENTS: AccessRequirements = { roleGroups: [] };
const NO_QUOTAS: readonly UserQuota[] = [];
/** Which token opened a session. */
const proofs = attachment<ParsedToken>();
/** Of a look that must leave no trace: a role group that nobody can meet, and no quota. */
const PASSIVE = { touchIfRoles: [[]], quotas: NO_QUOTAS };

/**
 * Sessions: made at login, checked with every request, listed and ended by their user or a moderator.
 * Every method rejects with `SessionError`; `session_store_unavailable` when Redis cannot answer in time.
 * @publicApi
 */
@Injectable()
export class SessionService {
  private readonly dataStore: SessionDataStore;
  private readonly issuer: SessionIssuer;

  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    @Inject(SESSION_SETTINGS) private readonly settings: SessionSettings,
    @Inject(ACCESS_TOKENS) private readonly tokens: AccessTokenFormat,
    private readonly users: UserStateService,
    private readonly ip: IpPolicy,
  ) {
    const logger = new Logger(SessionService.name);
    this.dataStore = new SessionDataStore(repository.data, settings.sessionData, (line) =>
      logger.error(line),
    );
    this.issuer = new SessionIssuer(repository, {
      format: tokens,
      ...settings.refresh,
      load: (userId) => users.load(userId),
    });
  }

  /**
   * Makes a session for a user and a token that opens it.
   * @throws SessionError `user_blocked`, `epoch_changed`, `session_limit_reached`, or `user_unknown` (with a
   * `UserDirectory` that does not know the user, or with `ifEpoch` for a user who was erased); with `data` also
   * `bad_request` and `too_large`
   */
  async create(userId: string, options: CreateSessionOptions = {}): Promise<IssuedSession> {
    const { settings } = this;
    if ('ifEpoch' in options && options.ifEpoch === undefined) {
      throw new TypeError('ifEpoch is undefined: read the epoch with ensure(), or leave the option out');
    }
    if (settings.userDirectory) await this.users.get(userId); // loads the record where there is none
    const names = { userRef: userRefOf(userId), sessionId: newSessionId() };
    const tokens = this.issuer.begin(names);
    const rememberMe = options.rememberMe ?? false;
    const created = await this.repository.create({
      userId,
      sessionId: names.sessionId,
      tokenHash: tokens.proof.tokenHash,
      ...this.issuer.familyOf(tokens),
      device: normaliseDevice(options.device),
      lifetime: rememberMe ? settings.rememberMeLifetime : settings.lifetime,
      assurance: options.assurance ?? 'aal1',
      rememberMe,
      createUser: !settings.userDirectory && options.ifEpoch === undefined,
      ...(options.ifEpoch === undefined ? {} : { ifEpoch: options.ifEpoch }),
      ...(options.data === undefined ? {} : { data: this.dataStore.payloadOf(options.data, names) }),
    });
    if (created.outcome === 'user_blocked')
      throw denialError({ reason: 'user_blocked', block: created.user.block });
    if (created.outcome !== 'created') throw new SessionError(created.outcome);
    return this.known(await this.issuer.issue(tokens, created, { at: created.session.createdAt }));
  }

  /**
   * The session that a token opens, if it meets the requirements.
   * @throws SessionError with the first denial that applies (see `decide`)
   */
  async authenticate(
    token: string | undefined,
    requirements: AccessRequirements = NO_REQUIREMENTS,
    origin: TokenOrigin = {},
  ): Promise<AuthenticatedSession> {
    const decision = await this.decide(token, requirements, origin);
    if (!decision.permit) throw denialError(decision);
    return decision;
  }

  /** As `authenticate`, but a denial is an answer. Rejects only when the repository cannot answer. */
  async decide(
    token: string | undefined,
    requirements: AccessRequirements = NO_REQUIREMENTS,
    { clientIp }: TokenOrigin = {},
  ): Promise<Decision> {
    return (await this.examine(token, requirements, { isActivity: true, clientIp })).decision;
  }

  /**
   * As `decide`, with the time of the answer. `isActivity` false: nothing of it is written down.
   * @internal
   */
  async examine(
    token: string | undefined,
    requirements: AccessRequirements,
    { isActivity, clientIp }: TokenOrigin & { readonly isActivity: boolean },
  ): Promise<Examination> {
    const parsed = token === undefined ? undefined : this.parse(token);
    const proof = parsed instanceof Promise ? await parsed : parsed; // each await costs every request a turn
    if (!proof) {
      const facts: Facts = { kind: token === undefined ? 'missing' : 'unknown' };
      return { decision: decide(facts, requirements), now: undefined };
    }
    const { roleGroups: touchIfRoles, quotas = NO_QUOTAS, withData = false } = requirements;
    const isAlive = !proof.isExpired;
    const demand: Omit<RequestDemand, 'ip'> =
      isActivity && isAlive ? { touchIfRoles, quotas, withData } : PASSIVE;
    const lookUp = () => this.lookUp(proof, demand, { requirements: requirements.ip, clientIp });
    const answer = await lookUp();
    const found = isLoad(answer) ? await this.loadFirst(answer, lookUp) : answer;
    const facts: Facts =
      isAlive || found.kind !== 'known' || found.status !== 'live' ? found : { ...found, status: 'expired' };
    const decision = decide(facts, requirements);
    if (decision.permit) {
      proofs.set(decision.session, proof);
      if (demand.withData)
        this.keepData(decision.session, proof, (facts.kind === 'known' && facts.data) || NO_DATA);
    }
    if (facts.kind !== 'known') return { decision, now: undefined };
    return { decision, now: facts.now, tokenEndsAt: facts.tokenEndsAt };
  }

  /** Takes a presented token apart; `undefined` for what is none of ours. @internal */
  parse(token: string): ParsedToken | undefined | Promise<ParsedToken | undefined> {
    return this.tokens.read(token);
  }

  /** The user's live sessions, newest first. */
  list(userId: string): Promise<Session[]> {
    return this.repository.list(userId);
  }

  /**
   * Ends one session; when this resolves, no node accepts it.
   * @returns whether there was such a live session of this user's
   */
  async revoke(userId: string, sessionId: string, reason: EndReason = 'revoked'): Promise<boolean> {
    return isSessionId(sessionId) && this.repository.revoke(userId, sessionId, reason);
  }

  /**
   * Ends all sessions of a user, however many, by starting a new epoch; with `except`, all but the caller's own.
   * @throws SessionError `session_revoked` when `except` has itself been ended meanwhile: then nothing is changed
   */
  async revokeAll(userId: string, options: { readonly except?: Session } = {}): Promise<RevocationReceipt> {
    const startedAt = performance.now();
    const except = options.except && this.proofOf(options.except);
    const revoked = await this.repository.revokeAll(userId, except);
    if (revoked.outcome === 'refused') throw new SessionError('session_revoked');
    if (revoked.outcome === 'user_unknown') throw new SessionError('user_unknown');
    const { version, epoch, sessions } = revoked;
    const confirmed = await confirmationsOf(this.repository.nodes, { userRef: userRefOf(userId), version });
    return { userId, version, epoch, sessions, ...confirmed, ms: performance.now() - startedAt };
  }

  /**
   * A new token for a session; the old one is dead when this resolves. For reauthentication, step-up and password change.
   * @param session as `authenticate` gave it: with proof of the old token
   * @throws SessionError `session_revoked` when the session, its token or `ifEpoch` is no longer current
   */
  async replaceToken(session: Session, options: ReplaceTokenOptions = {}): Promise<IssuedSession> {
    const proof = this.proofOf(session);
    const tokens = this.issuer.begin(proof);
    const replaced = await this.repository.replaceToken({
      proof,
      newTokenHash: tokens.proof.tokenHash,
      ...this.issuer.familyOf(tokens),
      reauthenticated: options.reauthenticated ?? true,
      revokeOthers: options.revokeOthers ?? false,
      ...(options.assurance === undefined ? {} : { assurance: options.assurance }),
      ...(options.ifEpoch === undefined ? {} : { ifEpoch: options.ifEpoch }),
    });
    if (replaced.outcome === 'refused') throw new SessionError('session_revoked');
    return this.known(await this.issuer.issue(tokens, replaced, { at: replaced.now }));
  }

  /**
   * New tokens for a refresh token, which works once. The same token again gets the same new ones, for the option's
   * `grace` and until the new refresh token is used. Any earlier one of the session ends it: somebody else has it.
   * The access token of before is good for the `grace` more.
   * @throws SessionError `session_missing`, `session_invalid` (nothing was changed), `user_blocked`, `session_expired`;
   * `session_revoked` when the session was ended before, or by this: then `reused` on the error has it as it was
   */
  async refresh(refreshToken: string | undefined, options: RefreshOptions = {}): Promise<IssuedSession> {
    if (refreshToken === undefined) throw new SessionError('session_missing');
    return this.known(await this.issuer.refresh(refreshToken, options));
  }

  /**
   * What the app keeps in a session. Of a session from a handler with `@SessionData()`, reading it costs no call.
   * @param session as `authenticate`, `create` or `@CurrentSession()` gave it
   */
  data<T extends object = JsonObject>(session: Session): SessionDataHandle<T> {
    const handle = handleOf(session) ?? this.keepData(session, this.proofOf(session), undefined);
    return handle as unknown as SessionDataHandle<T>;
  }

  private keepData(session: Session, proof: TokenProof, seen: StoredData | undefined): SessionDataHandle {
    return keepHandle(session, new SessionDataHandle(this.dataStore, proof, seen));
  }

  /** One call; with named lists of addresses one more, in the same tick. */
  private lookUp(
    proof: TokenProof,
    demand: Omit<RequestDemand, 'ip'>,
    from: TokenOrigin & { readonly requirements: IpRequirements | undefined },
  ): Promise<Facts | LoadFirst> {
    const ip = this.ip.judge(from.requirements, from.clientIp);
    const { touchIfRoles, quotas, withData } = demand;
    const judged: RequestDemand = { touchIfRoles, quotas, withData, ip };
    const checking = this.repository.authenticate(proof, judged);
    const confirming = this.ip.confirm(from.requirements, ip);
    return confirming ? this.confirmed(proof, judged, Promise.all([checking, confirming])) : checking;
  }

  private async confirmed(
    proof: TokenProof,
    demand: RequestDemand,
    asked: Promise<readonly [Facts | LoadFirst, IpVerdict]>,
  ): Promise<Facts | LoadFirst> {
    const [facts, verdict] = await asked;
    if (demand.ip && isSameVerdict(verdict, demand.ip)) return facts;
    // A list was changed since this node last looked: what was counted by the old one is given back.
    await this.giveBack(facts, demand.quotas);
    return this.repository.authenticate(proof, { ...demand, ip: verdict });
  }

  private async giveBack(facts: Facts | LoadFirst, quotas: readonly UserQuota[]): Promise<void> {
    if (facts.kind !== 'known' || !facts.quotas.every(({ allowed }) => allowed)) return;
    if (facts.quotas.length === 0) return;
    const { userId, id: sessionId } = facts.session;
    // What cannot be given back now comes back with time.
    await Promise.allSettled(
      quotas.map((policy) => {
        const partition = policy.by === 'session' ? { userId, sessionId } : { userId };
        return this.repository.quota({ operation: 'refund', policy, partition, cost: 1 });
      }),
    );
  }

  private async loadFirst(first: LoadFirst, ask: () => Promise<Facts | LoadFirst>): Promise<Facts> {
    const facts = await askAfterLoad(first, ask, (userId) => this.users.load(userId));
    return facts ?? { kind: 'unknown' };
  }

  /** From here on, the session can act for itself. */
  private known({ issued, proof }: Issue): IssuedSession {
    proofs.set(issued.session, proof);
    return issued;
  }

  private proofOf(session: Session): TokenProof {
    const proof = proofs.get(session);
    if (!proof)
      throw new TypeError(
        'This session comes from a list: only one from authenticate() or create() acts for itself',
      );
    if (proof.isExpired) throw new SessionError('session_expired');
    return proof;
  }
}
