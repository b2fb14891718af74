import type { Session } from '../../model/session.js';
import type { UserState } from '../../model/user-state.js';
import { effectiveLifetime, touchAfterMs } from '../../rules/lifetime.js';
import { dataOf } from './session-data-repository.js';
import type { MemorySession } from './session-record.js';
import { earlier, endSession, notAhead, sessionOf, tokenEnd } from './session-record.js';
import type { MemoryUser } from './user-record.js';
import { isBlocked, startEpoch, userStateOf } from './user-record.js';
import type { RepositorySettings, TokenProof } from '../contract/session-repository.js';
import type { SessionStatus } from '../contract/session-status.js';
import type { KeptSession } from '../contract/user-repository.js';
import { sessionStatus } from '../contract/session-status.js';

/** Everything that is kept of one user: the record and the sessions by their IDs. */
export class UserEntry {
  readonly sessions = new Map<string, MemorySession>();

  constructor(
    readonly user: MemoryUser,
    private readonly settings: RepositorySettings,
  ) {}

  /** Whether the record must be loaded again before anything is said of the user. */
  isTooOld(now: number): boolean {
    const { maxStateAgeMs } = this.settings;
    return maxStateAgeMs !== undefined && now - this.user.loadedAt > maxStateAgeMs;
  }

  showUser(now: number): UserState {
    return userStateOf(this.user, now);
  }

  show(session: MemorySession): Session {
    return sessionOf(session, this.user, this.settings.roleLifetimes);
  }

  /** A timeout is written down when it is first seen, so that no later change of roles undoes it. */
  statusOf(session: MemorySession, now: number): SessionStatus {
    const standing = sessionStatus(session, this.user, { ...this.settings, now });
    if (standing.status === 'expired' && session.endedAt === undefined) {
      endSession(session, 'timed_out', standing.endedAt);
    }
    return standing;
  }

  live(now: number): MemorySession[] {
    return [...this.sessions.values()].filter((session) => this.statusOf(session, now).status === 'live');
  }

  /** All sessions, those that have ended among them, newest first. */
  kept(now: number): KeptSession[] {
    return [...this.sessions.values()]
      .sort((a, b) => earlier({ at: b.createdAt, id: b.id }, { at: a.createdAt, id: a.id }))
      .map((session) => ({
        session: this.show({ ...session, lastSeenAt: session.endedAt ?? session.lastSeenAt }),
        status: sessionStatus(session, this.user, { ...this.settings, now, rememberEndedMs: Infinity })
          .status as KeptSession['status'],
        ...(session.data ? { data: dataOf(session) } : {}),
      }));
  }

  /** The session of a proof, if it may act: it is live, its token is good, its user not blocked. */
  proven(proof: TokenProof, now: number): MemorySession | undefined {
    const session = this.sessions.get(proof.sessionId);
    const goodUntil = session && tokenEnd(session, proof.tokenHash, { now, rememberEndedMs: Infinity });
    if (!session || goodUntil === undefined || now >= goodUntil) return undefined;
    if (isBlocked(this.user, now)) return undefined;
    return this.statusOf(session, now).status === 'live' ? session : undefined;
  }

  /** Writes a request down as activity, if enough time has passed since the last. */
  touch(session: MemorySession, now: number): void {
    const { roleLifetimes, touchIntervalMs } = this.settings;
    const lifetime = effectiveLifetime(session.lifetime, this.user.roles, roleLifetimes);
    notAhead(session, now);
    if (now - session.lastSeenAt >= touchAfterMs(lifetime, touchIntervalMs)) session.lastSeenAt = now;
  }

  /** Starts a new epoch that only `kept` enters. @returns how many live sessions that ended */
  endAllBut(kept: MemorySession | undefined, now: number): number {
    const live = this.live(now).length;
    startEpoch(this.user, now);
    this.user.version += 1;
    if (!kept) return live;
    kept.epoch = this.user.epoch;
    return live - 1;
  }

  /**
   * Makes room for one more session, and forgets ended ones that are too old or too many.
   * @returns the IDs of the sessions that had to end for it, oldest first; `undefined` when there is no room
   */
  makeRoom(now: number): string[] | undefined {
    const { maxSessionsPerUser, onSessionLimit } = this.settings;
    const live = this.live(now).map((session) => ({ session, id: session.id, at: session.createdAt }));
    const over = Math.max(0, live.length - maxSessionsPerUser + 1);
    if (over > 0 && onSessionLimit === 'reject') return undefined;
    const evicted = over > 0 ? live.sort(earlier).slice(0, over) : [];
    for (const { session } of evicted) endSession(session, 'evicted', now);
    this.sweep(now);
    return evicted.map(({ id }) => id);
  }

  /** Forgets ended sessions that are too old or too many, and what was kept with the others. @returns how many */
  sweep(now: number): number {
    const before = this.sessions.size;
    const ended: { readonly id: string; readonly at: number }[] = [];
    for (const [id, session] of this.sessions) {
      const standing = this.statusOf(session, now);
      if (standing.status === 'unknown') this.sessions.delete(id);
      else if (standing.status !== 'live') {
        delete session.data; // of one that a new epoch ended
        ended.push({ id, at: standing.endedAt });
      }
    }
    const tooMany = Math.max(0, ended.length - this.settings.maxEndedSessions);
    for (const { id } of ended.sort(earlier).slice(0, tooMany)) this.sessions.delete(id);
    return before - this.sessions.size;
  }
}
