import type {
  AuditAct,
  AuditDetails,
  AuditOutcome,
  AuditPage,
  NewAuditEntry,
} from '../../model/audit-entry.js';
import { anything, callable, fieldsOf, type Inputs, object, wrong } from '../../basics/inputs.js';
import { SessionError } from '../../model/session-error.js';
import type { AuditRepository } from '../../storage/contract/audit-repository.js';
import { checkUserId, checkedAct, checkedDetails } from './audit-rules.js';

/** Which entries `AuditLog.read()` gives. @publicApi */
export interface AuditLogQuery {
  /** How many entries at most, 1–200. Default 50. */
  readonly limit?: number;
  /** Only what is older than the entry of this id, or goes on after a page: its `next`. */
  readonly before?: string;
  /** Only entries in which this user is the actor or the target. */
  readonly userId?: string;
}

/** An act under way, as `record` hands it to whoever does it. @publicApi */
export interface OpenAct {
  /**
   * Adds to the entry what was not known at the beginning.
   * @throws SessionError `bad_request` for what is no object, and for an id that is none
   */
  add(more: { readonly actorId?: string; readonly details?: AuditDetails }): void;
  /** Says that it is done: what fails from here on does not make it undone. */
  done(): void;
}

const MAX_LIMIT = 200;
const DEFAULT_LIMIT = 50;
/** Redis counts from 0-1 on, and takes nothing "before" 0-0. */
const ENTRY_ID = /^(?!0+-0+$)\d{1,15}-\d{1,15}$/;
const QUERY: Inputs<AuditLogQuery> = { limit: anything, before: anything, userId: anything };
const CODE = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * Who did what to whom, when and from where: append-only, kept for `audit.retention`, read newest first.
 *
 * Two ways in. `append` writes down what has happened. `record` is for acts that must not lose their entry: it
 * announces the act before, and settles it after. A process that dies in between leaves an entry with the outcome
 * `unknown`, which appears within a minute. Routine acts, and denials and failures, are kept apart, each up to a number of their
 * own, so that no flood of them pushes out another act. A page says from when on entries may be missing: `droppedBefore`.
 *
 * Details are small and are for people; tokens of ours are taken out of them, and names such as `password` are refused.
 * @example
 * ```ts
 * await audit.record({ action: 'post.delete', actorId: moderator.id, targetId: author.id }, () => posts.remove(id));
 * const { entries, next } = await audit.read({ userId: author.id, limit: 20 });
 * ```
 * @publicApi
 */
export class AuditLog {
  /** `SessionModule` makes it. @param warn takes one line for people @internal */
  constructor(
    private readonly repository: AuditRepository,
    private readonly warn: (line: string) => void = () => undefined,
  ) {}

  /**
   * Writes an entry.
   * @returns its id
   * @throws SessionError `bad_request` for one that cannot be written down; `session_store_unavailable`, also for
   * whatever a full Redis does not take
   */
  async append(entry: NewAuditEntry): Promise<string> {
    const checked = checkedAct(entry);
    if (checked.outcome === undefined) throw wrong('entry.outcome', 'how the act ended', undefined);
    return this.repository.append(checked);
  }

  /**
   * Does an act that cannot lose its entry. What the act rejects with is passed on, and decides the outcome: `denied`
   * for 401, 403 and 429, `failed` for other refusals (4xx), and `unknown` for the rest: it may have happened.
   * @throws SessionError `session_store_unavailable` or `bad_request` when it cannot be written down: then it was not done
   */
  async record<T>(act: AuditAct, perform: (act: OpenAct) => Promise<T>): Promise<T> {
    callable(perform, 'perform');
    const checked = checkedAct(act);
    const open = new Open(checked.details);
    const pendingId = await this.repository.begin(checked);
    let result: T;
    try {
      result = await perform(open);
    } catch (error) {
      const isAway = isStoreAway(error);
      // A Redis that gave no answer may have done the act: nobody settles it, and whoever reads next finds it abandoned.
      if (isAway && !open.isDone) throw error;
      const settled = open.isDone
        ? this.settle(pendingId, open, 'ok')
        : this.settle(pendingId, open, outcomeOf(error), codeOf(error));
      if (!isAway) await settled; // nobody is to wait for a second timeout
      throw error;
    }
    await this.settle(pendingId, open, 'ok');
    return result;
  }

  /**
   * One page, newest first.
   * @throws SessionError `bad_request` for a query that cannot be answered
   */
  async read(query: AuditLogQuery = {}): Promise<AuditPage> {
    const { limit = DEFAULT_LIMIT, before, userId } = fieldsOf(query, 'query', QUERY);
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
      throw new SessionError('bad_request', { detail: `limit is a whole number from 1 to ${MAX_LIMIT}` });
    }
    if (before !== undefined && (typeof before !== 'string' || !ENTRY_ID.test(before))) {
      throw new SessionError('bad_request', { detail: "before is an entry's id" });
    }
    checkUserId(userId);
    return this.repository.read({ limit, before, userId });
  }

  /**
   * Never rejects: the act is over, whatever becomes of this. Unsettled, it turns into an entry with the outcome
   * `unknown`.
   */
  private async settle(pendingId: string, open: Open, outcome: AuditOutcome, code?: string): Promise<void> {
    try {
      const details = { ...this.detailsOf(open), ...(code === undefined ? {} : { code }) };
      await this.repository.settle(pendingId, { outcome, details, actorId: open.actorId });
    } catch (cause) {
      this.warn(`The outcome of an act was not written, so its entry stays 'unknown': ${String(cause)}`);
    }
  }

  private detailsOf({ begunWith, added }: Open): AuditDetails {
    try {
      return checkedDetails({ ...begunWith, ...added });
    } catch (cause) {
      this.warn(`An audit entry lacks the details that were added later: ${String(cause)}`);
      return begunWith;
    }
  }
}

class Open implements OpenAct {
  actorId: string | undefined;
  added: AuditDetails = {};
  isDone = false;

  constructor(readonly begunWith: AuditDetails) {}

  add(more: { readonly actorId?: string; readonly details?: AuditDetails }): void {
    object(more, 'more');
    const { actorId, details } = more;
    checkUserId(actorId);
    this.actorId = actorId ?? this.actorId;
    this.added = { ...this.added, ...details };
  }

  done(): void {
    this.isDone = true;
  }
}

/** By the HTTP status of our errors, of Nest's, and of those that follow either. */
function outcomeOf(error: unknown): AuditOutcome {
  const { statusCode, status = statusCode } = Object(error) as { statusCode?: unknown; status?: unknown };
  if (typeof status !== 'number' || status < 400 || status > 499) return 'unknown';
  return status === 401 || status === 403 || status === 429 ? 'denied' : 'failed';
}

function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' && CODE.test(code) ? code : undefined;
}

function isStoreAway(error: unknown): boolean {
  return error instanceof SessionError && error.code === 'session_store_unavailable';
}
