// Over 250 lines: the public methods with all that is to be said of them; what they do is in the files beside.
import { Inject, Injectable, Logger } from '@nestjs/common';
import { handleOf, keepHandle, SessionDataHandle } from '../data/session-data-handle.js';
import { SessionDataStore } from '../data/session-data-store.js';
import type { AccessRequirements, Decision } from '../../model/decision.js';
import { fieldsOf } from '../../basics/inputs.js';
import { SessionError, denialError } from '../../model/session-error.js';
import { Acts } from '../events/acts.js';
import { CHECKS } from '../../telemetry/channels.js';
import type { Realm } from '../../telemetry/realm.js';
import type { RevocationReceipt } from '../../model/revocation-receipt.js';
import type { EndReason, Session } from '../../model/session.js';
import type { JsonObject, StoredData } from '../../model/session-data.js';
import type { SessionRepository, TokenProof } from '../../storage/contract/session-repository.js';
import { type CheckContext, TokenCheck, type TokenCheckResult, type TokenOrigin } from './token-check.js';
import { assertRequirements, checkedOrigin, NO_REQUIREMENTS } from './requirements.js';
import { ACCESS_TOKENS, SESSION_REPOSITORY, SESSION_SETTINGS } from '../../options/injection-keys.js';
import { logIn, type LoginParts } from './login.js';
import { beginGuest, type GuestParts } from './guest.js';
import { refresh, type RefreshParts } from './refresh.js';
import { TokenIssuer } from './token-issuer.js';
import { replaceToken, type ReplacementParts } from './token-replacement.js';
import {
  type AuthenticatedSession,
  CREATE,
  type CreateGuestOptions,
  type CreateSessionOptions,
  endReason,
  GUEST,
  type IssuedGuest,
  type IssuedSession,
  REFRESH,
  type RefreshOptions,
  REPLACE,
  type ReplaceTokenOptions,
  REVOKE_ALL,
} from './session-types.js';
import { credentialOf, keepCredential, userCredentialOf } from './session-credential.js';
import type { SessionSettings } from '../../options/settings.js';
import type { AccessTokenFormat } from '../../token/access-token.js';
import { checkedUserId, isSessionId, type ParsedToken, userRefOf } from '../../token/session-token.js';
import { IpPolicy } from '../ip/ip-policy.service.js';
import { UserStateService } from '../users/user-state.service.js';

/**
 * Sessions: made at login, checked with every request, listed and ended by their user or a moderator.
 * Every method rejects with `SessionError`; `session_store_unavailable` when Redis cannot answer in time.
 * @example
 * ```ts
 * const { token, session } = await sessions.create(userId, { device: { name: 'laptop' } });
 * const { user } = await sessions.authenticate(token);
 * await sessions.revoke(user.id, session.id, 'logout'); // when this resolves, no node accepts the token
 * ```
 * @publicApi
 */
@Injectable()
export class SessionService {
  /** @internal */
  readonly realm: Realm;
  private readonly dataStore: SessionDataStore;
  /** What a login, a refresh and a replacement of tokens need. */
  private readonly walks: LoginParts & GuestParts & RefreshParts & ReplacementParts;
  private readonly tokenCheck: TokenCheck;
  private readonly acts: Acts;

  /** @internal */
  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    @Inject(SESSION_SETTINGS) settings: SessionSettings,
    @Inject(ACCESS_TOKENS) private readonly tokens: AccessTokenFormat,
    users: UserStateService,
    ip: IpPolicy,
  ) {
    this.realm = settings.realm;
    const logger = new Logger(SessionService.name);
    this.acts = new Acts(repository, settings);
    this.dataStore = new SessionDataStore(repository.data, settings.sessionData, (line) =>
      logger.error(line),
    );
    const load = (userId: string) => users.load(userId);
    const issuer = new TokenIssuer({ format: tokens, ...settings.refresh });
    this.walks = { repository, settings, users, issuer, load, dataStore: this.dataStore };
    this.tokenCheck = new TokenCheck({
      realm: settings.realm,
      repository,
      tokens,
      ip,
      load,
      permit: (session, proof, data) => {
        keepCredential(session, proof);
        if (data) this.keepData(session, proof, data);
      },
    });
  }

  /**
   * Makes a session for a user and a token that opens it.
   * @throws SessionError `user_blocked`, `epoch_changed`, `session_limit_reached`, or `user_unknown` (with a
   * `UserDirectory` that does not know the user, or with `ifEpoch` for a user who was erased); with `data` also
   * `bad_request` and `too_large`, with `device` also `bad_request`
   * @throws TypeError naming an option that is of another type, `ifEpoch: undefined` among them
   * @throws Error whatever `merge` throws
   */
  async create(userId: string, given: CreateSessionOptions = {}): Promise<IssuedSession> {
    return logIn(this.walks, userId, fieldsOf(given, 'options', CREATE));
  }

  /**
   * Makes a session for somebody who has not logged in, and a token that opens it where `@AllowGuests()` is: anywhere else
   * the guest is nobody. Needs the option `guests`. `create(userId, { from })` makes a user's session of it.
   * @throws SessionError `rate_limited` for too many from one client IP; `bad_request`, `too_large` as `create` does
   * @throws SessionConfigurationError when the option is off
   * @example
   * ```ts
   * const guest = await sessions.createGuest({ clientIp: transport.clientIp(request), data: { cart: ['tea'] } });
   * transport.setCookie(request, response, guest);
   * ```
   */
  async createGuest(given: CreateGuestOptions = {}): Promise<IssuedGuest> {
    return beginGuest(this.walks, fieldsOf(given, 'options', GUEST));
  }

  /**
   * The session that a token opens, if it meets the requirements.
   * @throws SessionError with the first denial that applies (see `decide`)
   * @throws TypeError, RangeError for requirements that are none. A token that is no text is an invalid one
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

  /**
   * As `authenticate`, but a denial is an answer. Rejects when the repository cannot answer, or for requirements that
   * are none.
   */
  async decide(
    token: string | undefined,
    requirements: AccessRequirements = NO_REQUIREMENTS,
    origin: TokenOrigin = {},
  ): Promise<Decision> {
    assertRequirements(requirements);
    const { clientIp } = checkedOrigin(origin);
    const context: CheckContext = { isActivity: true, clientIp, toldAs: 'direct' };
    return (await this.checkToken(token, requirements, context)).decision;
  }

  /**
   * As `decide`, with the time of the answer. `isActivity` false: nothing of it is written down.
   * @internal
   */
  checkToken(
    token: string | undefined,
    requirements: AccessRequirements,
    context: CheckContext,
  ): Promise<TokenCheckResult> {
    const isTold = context.toldAs !== undefined && CHECKS.hasSubscribers;
    return this.tokenCheck[isTold ? 'checkAndTell' : 'check'](token, requirements, context);
  }

  /** Takes a presented token apart; `undefined` for what is none of ours. @internal */
  parse(token: string): ParsedToken | undefined | Promise<ParsedToken | undefined> {
    return this.tokens.read(token);
  }

  /** The user's live sessions, newest first. */
  async list(userId: string): Promise<Session[]> {
    return this.repository.list(checkedUserId(userId));
  }

  /**
   * Ends one session; when this resolves, no node accepts it.
   * @returns whether there was such a live session of this user's
   * @throws SessionError `not_durable` (behind Sentinels): it has ended, a failover that is under way may undo it, and it is
   * safe to repeat
   */
  async revoke(userId: string, sessionId: string, reason: EndReason = 'revoked'): Promise<boolean> {
    const userRef = userRefOf(userId); // refuses what is no user id; a guest's is one
    endReason(reason, 'reason');
    return this.acts.watch({ act: 'revoke', userId, reason }, async () => {
      if (!isSessionId(sessionId)) return false;
      const wasLive = await this.repository.revoke(userId, sessionId, reason);
      await this.acts.assertFollowed({ userRef, endedSession: sessionId });
      return wasLive;
    });
  }

  /**
   * Forgets what is left of sessions that ended more than a day ago: their devices, addresses and data. Each login does
   * it for its user; call it for users who do not come back. @returns how many sessions were forgotten
   */
  async sweep(userId: string): Promise<number> {
    return this.repository.sweep(checkedUserId(userId));
  }

  /**
   * Ends all sessions of a user, however many, by starting a new epoch; with `except`, all but the caller's own.
   * @throws SessionError `session_revoked` when `except` has itself been ended meanwhile: then nothing is changed;
   * `not_durable` (with `durability: 'all-replicas'`): the sessions have ended, and a failover may undo it
   */
  async revokeAll(
    userId: string,
    options: { readonly except?: Session; readonly durability?: 'memory' | 'all-replicas' } = {},
  ): Promise<RevocationReceipt> {
    const startedAt = performance.now();
    const { except: own, durability: given } = fieldsOf(options, 'options', REVOKE_ALL);
    const wanted = this.acts.durabilityOf(given);
    const except = own === undefined ? undefined : credentialOf(own);
    return this.acts.watch({ act: 'revoke_all', userId }, async () => {
      const revoked = await this.repository.revokeAll(checkedUserId(userId), except);
      if (revoked.outcome === 'refused') throw new SessionError('session_revoked');
      if (revoked.outcome === 'user_unknown') throw new SessionError('user_unknown');
      return this.acts.receiptOf({ ...revoked, userId }, { wanted, startedAt });
    });
  }

  /**
   * A new token for a session; the old one is dead when this resolves. For reauthentication, step-up and password
   * change.
   * @param session as `authenticate` gave it: with proof of the old token
   * @throws SessionError `session_revoked` when the session, its token or `ifEpoch` is no longer current
   */
  async replaceToken(session: Session, given: ReplaceTokenOptions = {}): Promise<IssuedSession> {
    const proof = userCredentialOf(session);
    return replaceToken(this.walks, proof, fieldsOf(given, 'options', REPLACE));
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
    return refresh(this.walks, refreshToken, fieldsOf(options, 'options', REFRESH));
  }

  /**
   * What the app keeps in a session. Of a session from a handler with `@SessionData()`, reading it costs no call.
   * @param session as `authenticate`, `create` or `@CurrentSession()` gave it
   * @throws SessionError `session_expired` when the token's own time is over, even where it was let in
   * (`@AllowExpired()`)
   */
  data<T extends object = JsonObject>(session: Session): SessionDataHandle<T> {
    const proof = credentialOf(session);
    const handle = handleOf(session) ?? this.keepData(session, proof, undefined);
    return handle as unknown as SessionDataHandle<T>;
  }

  private keepData(session: Session, proof: TokenProof, seen: StoredData | undefined): SessionDataHandle {
    return keepHandle(session, new SessionDataHandle(this.dataStore, proof, seen));
  }
}
