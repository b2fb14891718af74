import type { AccessRequirements, Decision } from '../model/decision.js';
import { DENIALS } from '../model/error-codes.js';
import { SessionError } from '../model/session-error.js';
import type { Session } from '../model/session.js';
import type { UserState } from '../model/user-state.js';
import type { TokenCheckResult } from '../services/sessions/token-check.js';
import { callBack } from './call-back.js';
import { connectionEnd, isDenial, type ConnectionEnd, type EndCode } from './connection-end.js';
import { HeldBack, type Delivery } from './held-back.js';
import { LongTimer } from '../basics/long-timer.js';

/** What a connection is made of. */
interface ConnectionParts {
  readonly userRef: string;
  readonly sessionId: string;
  readonly requirements: AccessRequirements;
  /** Asks the repository. `isActivity` false: the answer neither slides a timeout nor consumes a quota. */
  readonly examine: (requirements: AccessRequirements, isActivity: boolean) => Promise<TokenCheckResult>;
  /** Whether acts wait for this node: one that nobody waits for must not act on what it asked before. */
  readonly isAwaited: () => boolean;
  /** Whether this node has heard of every act of more than a moment ago. */
  readonly isVouchedFor: () => boolean;
  /** Called once, when it is over. */
  readonly onGone: () => void;
}

const MAX_ATTEMPTS = 5;
/** Less than an act waits for a node that does not confirm it: an older answer may be from before the act. */
const MAX_ANSWER_AGE_MS = 200;
const EXPIRY_MARGIN_MS = 5;
const MAX_HELD_BACK_BYTES = 256 * 1024;

/** One open stream or socket, and whom it was opened for. @publicApi */
export class LiveConnection {
  private phase: 'pending' | 'admitted' | 'open' | 'ended' = 'pending';
  private admission: { session: Session; user: UserState } | undefined;
  private close: ((end: ConnectionEnd) => void) | undefined;
  private ending: ConnectionEnd | undefined;
  /** Counts the events about its user: an answer that was asked for before one is worth nothing. */
  private marks = 0;
  /** How many there were when it was last found to be permitted, and when something last spoke against that. */
  private verifiedMarks = 0;
  private suspectMarks = 0;
  private readonly heldBack = new HeldBack(MAX_HELD_BACK_BYTES);
  private readonly expiry = new LongTimer();
  private lastVerifiedAt = performance.now();
  private firstDoubtAt: number | undefined;

  /** @internal */
  constructor(private readonly parts: ConnectionParts) {}

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
  async check(requirements: AccessRequirements = this.parts.requirements): Promise<Decision> {
    const decision = await this.ask(requirements, true);
    if (decision.permit && !this.parts.isAwaited()) {
      throw new SessionError('session_store_unavailable', {
        cause: new Error('This node is not known to be there: an act would not wait for it'),
      });
    }
    if (decision.permit) return decision;
    const { endsConnection } = DENIALS[decision.reason];
    const isByItsOwn = endsConnection === 'by-its-own' && requirements === this.parts.requirements;
    if (isByItsOwn || endsConnection === 'always') this.end(decision.reason);
    return decision;
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
   * is sent. `EventStreams`, `@Sse()` streams and `SessionWsAdapter` send everything this way.
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
    this.leave();
  }

  /** @internal */
  get userRef(): string {
    return this.parts.userRef;
  }

  /** @internal */
  get sessionId(): string {
    return this.parts.sessionId;
  }

  /** @internal */
  get requirements(): AccessRequirements {
    return this.parts.requirements;
  }

  /** @internal */
  get isAdmitted(): boolean {
    return this.phase === 'admitted' || this.phase === 'open';
  }

  /** When it was last found to be permitted, by performance.now(). @internal */
  get verifiedAt(): number {
    return this.lastVerifiedAt;
  }

  /** Since when nobody can tell whether it may stay, by performance.now(); absent: that is known. @internal */
  get doubtfulSince(): number | undefined {
    return this.firstDoubtAt;
  }

  /** It could not be checked. @internal */
  couldNotBeChecked(): void {
    this.firstDoubtAt ??= performance.now();
  }

  /**
   * From here on, whatever was asked before does not count.
   * @param isSuspect whether it may have to end: then nothing is sent until that is known
   * @internal
   */
  outdateAnswers(isSuspect = true): void {
    this.marks += 1;
    if (isSuspect) this.suspectMarks = this.marks;
  }

  /** The first check; after it, it counts. @internal */
  async admit(): Promise<Decision> {
    const decision = await this.ask(this.parts.requirements, false);
    if (decision.permit && this.phase === 'pending') this.phase = 'admitted';
    return decision;
  }

  /** Looks whether it may stay. Rejects when nobody can tell. @returns whether this has ended it @internal */
  async recheck(): Promise<boolean> {
    const decision = await this.ask(this.parts.requirements, false);
    return !decision.permit && this.end(decision.reason);
  }

  /** @returns whether it was not over before @internal */
  end(code: EndCode): boolean {
    if (this.phase === 'ended') return false;
    this.ending = connectionEnd(code);
    this.leave();
    this.closeWith(this.ending);
    return true;
  }

  private closeWith(end: ConnectionEnd): void {
    const { close } = this;
    if (close) callBack(() => close(end));
  }

  private async ask(requirements: AccessRequirements, isActivity: boolean): Promise<Decision> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (this.phase === 'ended') return { permit: false, reason: this.reasonOfEnd(), quotas: [] };
      const { marks } = this;
      const askedAt = performance.now();
      // One message is one activity, and consumes its quotas once, however often it must be asked.
      const {
        decision,
        now,
        tokenEndsAt = Infinity,
      } = await this.parts.examine(requirements, isActivity && attempt === 0);
      if (!decision.permit) return decision;
      if (marks !== this.marks || performance.now() - askedAt > MAX_ANSWER_AGE_MS) continue;
      if (this.isEnded) continue;
      this.admission = decision;
      if (requirements === this.parts.requirements) {
        this.lastVerifiedAt = askedAt;
        this.firstDoubtAt = undefined;
        this.verifiedMarks = marks;
        this.settle();
      }
      this.awaitExpiry(Math.min(decision.session.expiresAt, tokenEndsAt), decision.session, now);
      return decision;
    }
    throw new SessionError('session_store_unavailable', {
      cause: new Error('The user is changed faster than the connection can be checked'),
    });
  }

  private awaitExpiry(endsAt: number, session: Session, now: number | undefined): void {
    const { maxAuthenticationAgeMs = Infinity } = this.parts.requirements;
    const until = Math.min(endsAt, session.authenticatedAt + maxAuthenticationAgeMs);
    const ms = Math.max(until - (now ?? Date.now()), 0) + EXPIRY_MARGIN_MS;
    // What cannot be checked now is looked at again with every tick.
    this.expiry.set(ms, () => void this.recheck().catch(() => this.couldNotBeChecked()));
  }

  private get isInDoubt(): boolean {
    return this.verifiedMarks < this.suspectMarks || !this.parts.isVouchedFor();
  }

  private reasonOfEnd() {
    const code = this.ending?.code;
    return code !== undefined && isDenial(code) ? code : 'session_missing';
  }

  private leave(): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    this.expiry.clear();
    this.heldBack.drop();
    this.parts.onGone();
  }

  private admitted() {
    if (!this.admission) throw new Error('The connection has not been admitted yet');
    return this.admission;
  }
}
