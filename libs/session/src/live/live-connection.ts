import type { AccessRequirements, Decision } from '../model/decision.js';
import { DENIALS } from '../model/error-codes.js';
import { denialError, SessionError } from '../model/session-error.js';
import type { Session } from '../model/session.js';
import type { UserState } from '../model/user-state.js';
import type { TokenCheckResult } from '../services/sessions/token-check.js';
import { callBack } from './call-back.js';
import { connectionEnd, isDenial, type ConnectionEnd, type EndCode } from './connection-end.js';
import { HeldBack, type Delivery } from './held-back.js';
import { text } from '../basics/inputs.js';
import { LongTimer } from '../basics/long-timer.js';
import { type CheckCause, type Handshake, Verification } from './verification.js';

/** What a connection needs of the node that it is registered at. */
export interface ConnectionNode {
  /** Whether acts wait for this node: one that nobody waits for must not act on what it asked before. */
  readonly isAwaited: boolean;
  /** Whether this node has heard of every act of more than a moment ago. */
  readonly isVouchedFor: boolean;
  /** Asks storage. Only a `message` is activity: any other answer neither slides a timeout nor consumes a quota. */
  check(handshake: Handshake, requirements: AccessRequirements, cause: CheckCause): Promise<TokenCheckResult>;
  /** Called once, when the connection is over. */
  remove(connection: LiveConnection): void;
}

const MAX_ATTEMPTS = 5;
const EXPIRY_MARGIN_MS = 5;
const MAX_HELD_BACK_BYTES = 256 * 1024;

/** One open stream or socket, and whom it was opened for. @publicApi */
export class LiveConnection {
  private phase: 'pending' | 'admitted' | 'open' | 'ended' = 'pending';
  private admission: { session: Session; user: UserState } | undefined;
  private close: ((end: ConnectionEnd) => void) | undefined;
  private ending: ConnectionEnd | undefined;
  private readonly heldBack = new HeldBack(MAX_HELD_BACK_BYTES);
  private readonly expiry = new LongTimer();
  /** How many have begun, and which one gave the token that it goes by: of two at once, the later one. */
  private readonly renewals = { begun: 0, last: 0 };

  /** @internal */
  readonly verification = new Verification();

  /** @internal */
  constructor(
    private handshake: Handshake,
    private readonly node: ConnectionNode,
  ) {}

  /** The session as it was when the connection was last checked. */
  get session(): Session {
    return this.admitted().session;
  }

  /** The user as of the last check, roles and all. */
  get user(): UserState {
    return this.admitted().user;
  }

  /** Whether it is over, by either side. */
  get isEnded(): boolean {
    return this.phase === 'ended';
  }

  /**
   * Whether the connection may go on: ask before anything that it sends is acted upon. A session that is over, or a
   * user who is no longer permitted, ends the connection. With `requirements` of the message's own, those decide
   * instead, and a user who only lacks these keeps the connection.
   *
   * A permission holds until the next `await`: when `block()` or `setRoles()` has resolved, none from before it does.
   * @throws SessionError `session_store_unavailable`: do not act
   */
  async check(requirements: AccessRequirements = this.handshake.requirements): Promise<Decision> {
    const decision = await this.ask(requirements, 'message');
    if (decision.permit && !this.node.isAwaited)
      throw unavailable('This node is not known to be there: an act would not wait for it');
    if (decision.permit) return decision;
    const { endsConnection } = DENIALS[decision.reason];
    const isByItsOwn = endsConnection === 'by-its-own' && requirements === this.handshake.requirements;
    if (isByItsOwn || endsConnection === 'always') this.end(decision.reason);
    return decision;
  }

  /**
   * Goes on with another token of the same session, as a refresh gives it: the old one would end the connection with its
   * own time. Call it within the option `refresh.grace`.
   * @throws SessionError the denial of the new token: the connection is as it was
   */
  async renew(token: string): Promise<void> {
    const renewed = { ...this.handshake, token: text(token, 'token') };
    const order = ++this.renewals.begun;
    const { decision } = await this.node.check(renewed, this.handshake.requirements, 'handshake');
    if (!decision.permit) throw denialError(decision);
    const { session } = this.admitted();
    if (decision.session.id !== session.id || decision.session.userId !== session.userId)
      throw new SessionError('session_invalid');
    if (order > this.renewals.last) [this.handshake, this.renewals.last] = [renewed, order];
    await this.recheck();
  }

  /**
   * Hands over what can close it. If it has been ended since it was admitted, it is closed at once.
   * @returns whether it is open
   */
  open(close: (end: ConnectionEnd) => void): boolean {
    this.close = close;
    if (this.phase === 'admitted') this.phase = 'open';
    if (this.ending) this.closeWith(this.ending);
    return this.phase === 'open';
  }

  /**
   * Sends something to the client: at once when it is certain that its user may still see it. Otherwise as soon as that
   * is certain, which takes an answer of the repository: an act may have passed this node by while it stood still, or
   * is being looked into. What is held back is 256 KiB at most, else the connection is ended; once it has ended, nothing
   * is sent. `EventStreams`, `@Sse()` streams and the adapters of sockets send everything this way.
   */
  deliver(delivery: Delivery): void {
    if (this.isEnded) delivery.discard?.();
    else if (this.heldBack.isEmpty && !this.isInDoubt) delivery.deliver();
    else if (!this.heldBack.add(delivery)) this.end('session_store_unavailable');
  }

  /** Sends what was held back, if it may be sent now. @internal */
  settle(): void {
    if (!this.heldBack.isEmpty && !this.isInDoubt) this.heldBack.release();
  }

  /** The client has gone. */
  closed(): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    this.expiry.clear();
    this.heldBack.drop();
    this.node.remove(this);
  }

  /** Which of the tokens it goes by. @internal */
  get token(): string {
    return this.handshake.token;
  }

  /** @internal */
  get userRef(): string {
    return this.handshake.userRef;
  }

  /** @internal */
  get sessionId(): string {
    return this.handshake.sessionId;
  }

  /** Why this side ended it, if it did. @internal */
  get endCode(): EndCode | undefined {
    return this.ending?.code;
  }

  /** @internal */
  get requirements(): AccessRequirements {
    return this.handshake.requirements;
  }

  /** @internal */
  get isAdmitted(): boolean {
    return this.phase === 'admitted' || this.phase === 'open';
  }

  /** The first check; after it, it counts. @internal */
  async admit(): Promise<Decision> {
    const decision = await this.ask(this.handshake.requirements, 'handshake');
    if (decision.permit && this.phase === 'pending') this.phase = 'admitted';
    return decision;
  }

  /** Asks storage whether it may stay. Rejects when nobody can tell. @returns whether this has ended it @internal */
  async recheck(): Promise<boolean> {
    const decision = await this.ask(this.handshake.requirements, 'recheck');
    return !decision.permit && this.end(decision.reason);
  }

  /** @returns whether it was not over before @internal */
  end(code: EndCode): boolean {
    if (this.phase === 'ended') return false;
    this.ending = connectionEnd(code);
    this.closed();
    this.closeWith(this.ending);
    return true;
  }

  private closeWith(end: ConnectionEnd): void {
    const { close } = this;
    if (close) callBack(() => close(end));
  }

  private async ask(requirements: AccessRequirements, cause: CheckCause): Promise<Decision> {
    let asking = cause;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const end = this.ending?.code;
      const reason = end !== undefined && isDenial(end) ? end : 'session_missing';
      if (this.isEnded) return { permit: false, reason, quotas: [] };
      const [asked, handshake] = [this.verification.ask(), this.handshake];
      const {
        decision,
        now,
        tokenEndsAt = Infinity,
      } = await this.node.check(handshake, requirements, asking);
      if (!decision.permit) {
        // That of a token which was renewed meanwhile says nothing. It counted nothing either.
        if (handshake.token !== this.handshake.token && DENIALS[decision.reason].status === 401) continue;
        return decision;
      }
      // One message is one activity, and consumes its quotas once, however often it must be asked.
      asking = 'recheck';
      if (this.verification.isOutdated(asked) || this.isEnded) continue;
      this.admission = decision;
      if (requirements === this.handshake.requirements) {
        this.verification.succeed(asked);
        this.settle();
      }
      this.awaitExpiry(Math.min(decision.session.expiresAt, tokenEndsAt), decision.session, now);
      return decision;
    }
    throw unavailable('The user is changed faster than the connection can be checked');
  }

  private awaitExpiry(endsAt: number, session: Session, now: number | undefined): void {
    const { maxAuthenticationAgeMs = Infinity } = this.handshake.requirements;
    const until = Math.min(endsAt, session.authenticatedAt + maxAuthenticationAgeMs);
    const ms = Math.max(until - (now ?? Date.now()), 0) + EXPIRY_MARGIN_MS;
    // What cannot be checked now is looked at again with every tick.
    this.expiry.set(ms, () => void this.recheck().catch(() => this.verification.fail()));
  }

  private get isInDoubt(): boolean {
    return this.verification.isSuspect || !this.node.isVouchedFor;
  }

  private admitted() {
    if (!this.admission) throw new Error('The connection has not been admitted yet');
    return this.admission;
  }
}

function unavailable(why: string): SessionError {
  return new SessionError('session_store_unavailable', { cause: new Error(why) });
}
