import { anything, fieldsOf, type Inputs } from '../../basics/inputs.js';
import type { AuditEntry } from '../../model/audit-entry.js';
import type { JsonObject } from '../../model/session-data.js';
import type { Session } from '../../model/session.js';
import { SessionError } from '../../model/session-error.js';
import type { UserState } from '../../model/user-state.js';
import type { SessionSettings } from '../../options/settings.js';
import type { AuditRepository } from '../../storage/contract/audit-repository.js';
import type {
  KeptOneTimeToken,
  KeptQuota,
  KeptSession,
  UserRepository,
} from '../../storage/contract/user-repository.js';
import { userRefOf } from '../../token/session-token.js';
import { parseObject } from '../data/json.js';

/** Options of `UserStateService.export()`. @publicApi */
export interface UserExportOptions {
  /**
   * How many audit entries at most, 0–10,000. Older ones: `AuditLog.read({ userId, before: audit.next })`.
   * @defaultValue 1,000
   */
  readonly auditLimit?: number;
}

/** A session as `UserStateService.export()` tells it. @publicApi */
export interface ExportedSession extends Session {
  /** Ended sessions are remembered for 24 h, and until the next login. Of one that has ended, `lastSeenAt` is its end. */
  readonly status: 'live' | 'revoked' | 'expired';
  /** The app's own values; absent when there are none. */
  readonly data?: JsonObject;
  /** The data is there, but does not open with the option `sessionData.keys`. */
  readonly isDataUnreadable?: true;
}

/**
 * Everything that is kept about one user. Instants are milliseconds since 1970 UTC.
 * @publicApi
 */
export interface UserExport {
  readonly userId: string;
  /** Absent: there is no record of the user. */
  readonly user?: UserState;
  /** Newest first. */
  readonly sessions: readonly ExportedSession[];
  /** Quotas by user and by session of which something is used up. Those by client IP or by a function name no user. */
  readonly quotas: readonly KeptQuota[];
  readonly oneTimeTokens: readonly KeptOneTimeToken[];
  readonly audit: {
    /** Newest first. Entries of acts by others, or by who is not known, come without the client IP. */
    readonly entries: readonly AuditEntry[];
    /** Present when there are more, or may be: the `before` to read on from. */
    readonly next?: string;
  };
}

/** What stays of a user who was erased. @publicApi */
export interface KeptAfterErasure {
  readonly what: 'audit' | 'quotas';
  /** One sentence for people. */
  readonly why: string;
  /** When the last of it goes by itself, in milliseconds since 1970 UTC; absent: with its window. */
  readonly until?: number;
}

/** What `UserStateService.erase()` did. @publicApi */
export interface ErasureReport {
  readonly userId: string;
  /** How many live sessions that ended. */
  readonly sessions: number;
  readonly kept: readonly KeptAfterErasure[];
}

const OPTIONS: Inputs<UserExportOptions> = { auditLimit: anything };
const MOST_ENTRIES = 10_000;
const DEFAULT_ENTRIES = 1_000;
const PAGE = 200;
/** Each looks at 1,000 entries, so an export ends however long the log is. */
const MOST_PAGES = 200;

/** What `UserStateService` tells a person of what is kept about them, and erases. It has checked the user ids. */
export class PersonalData {
  constructor(
    private readonly users: UserRepository,
    private readonly audit: AuditRepository,
    private readonly settings: SessionSettings,
  ) {}

  async export(userId: string, given: UserExportOptions): Promise<UserExport> {
    const { auditLimit = DEFAULT_ENTRIES } = fieldsOf(given, 'options', OPTIONS);
    if (!Number.isInteger(auditLimit) || auditLimit < 0 || auditLimit > MOST_ENTRIES) {
      throw new SessionError('bad_request', {
        detail: `auditLimit is a whole number from 0 to ${MOST_ENTRIES}`,
      });
    }
    const { sessions, ...kept } = await this.users.export(userId);
    return {
      userId,
      ...kept,
      sessions: sessions.map((one) => exportedSession(userId, one, this.settings)),
      audit: await entriesAbout(this.audit, userId, auditLimit),
    };
  }

  async erase(userId: string): Promise<ErasureReport> {
    const sessions = await this.users.erase(userId);
    return { userId, sessions, kept: keptAfterErasure(this.settings) };
  }
}

function exportedSession(
  userId: string,
  { session, status, data }: KeptSession,
  { sessionData }: SessionSettings,
): ExportedSession {
  if (!data || data.version === 0) return { ...session, status };
  try {
    const place = { userRef: userRefOf(userId), sessionId: session.id };
    return { ...session, status, data: parseObject(sessionData.sealer.open(data.payload, place).text) };
  } catch {
    return { ...session, status, isDataUnreadable: true };
  }
}

async function entriesAbout(
  audit: AuditRepository,
  userId: string,
  limit: number,
): Promise<UserExport['audit']> {
  const entries: AuditEntry[] = [];
  let next: string | undefined;
  for (let page = 0; page < MOST_PAGES && entries.length < limit; page++) {
    const read = await audit.read({
      limit: Math.min(PAGE, limit - entries.length),
      userId,
      ...(next === undefined ? {} : { before: next }),
    });
    entries.push(...read.entries.map((entry) => withoutOthersIp(entry, userId)));
    next = read.next;
    if (next === undefined) return { entries };
  }
  return next === undefined ? { entries } : { entries, next };
}

function withoutOthersIp(entry: AuditEntry, userId: string): AuditEntry {
  if (entry.actorId === userId) return entry; // who is not known may be somebody else, as at a wrong password
  const { ip: _ip, ...rest } = entry;
  return rest;
}

function keptAfterErasure({ audit }: SessionSettings): KeptAfterErasure[] {
  return [
    {
      what: 'audit',
      why: 'Entries say who did what to whom: they are evidence, append-only, and go by age (audit.retention)',
      until: Date.now() + audit.retentionMs,
    },
    {
      what: 'quotas',
      why: 'Counts by client IP or by a function name no user, and go with their windows',
    },
  ];
}
