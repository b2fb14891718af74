import { isIP } from 'node:net';
import {
  AUDIT_OUTCOMES,
  type AuditAct,
  type AuditDetails,
  type AuditOutcome,
  type NewAuditEntry,
} from '../../model/audit-entry.js';
import { anything, fieldsOf, type Inputs, object, oneOf } from '../../basics/inputs.js';
import { SessionError } from '../../model/session-error.js';

const ACTION = /^[a-z][a-z0-9._-]{0,63}$/;
const DETAIL_NAME = /^[A-Za-z][\w.-]{0,31}$/;
/** A name like these says that somebody is about to log what must not be logged. */
const SECRET_NAME = /pass|secret|token|hash|cookie|authorization|credential|api-?key/i;
/** A token of ours that got into a text, as when somebody pastes one into the reason of a block. */
const TOKEN = /lk[a-z]?_[A-Za-z0-9_-]{20,}/g;
const MAX_DETAILS = 12;
const MAX_TEXT_LENGTH = 512;
const MAX_LIST_LENGTH = 64;
const MAX_BYTES = 4_096;
const MAX_USER_ID_LENGTH = 256;

/** Taken by what follows, but for the outcome. */
const ENTRY: Inputs<NewAuditEntry> = {
  action: anything,
  actorId: anything,
  targetId: anything,
  ip: anything,
  details: anything,
  isRoutine: anything,
  outcome: oneOf(...(Object.keys(AUDIT_OUTCOMES) as AuditOutcome[])),
};

/**
 * An act with its details copied and free of tokens.
 * @throws SessionError `bad_request` for one that cannot be written down
 */
export function checkedAct<T extends AuditAct>(given: T): T & { readonly details: AuditDetails } {
  const act = fieldsOf<AuditAct & Partial<NewAuditEntry>>(given, 'entry', ENTRY);
  if (typeof act.action !== 'string' || !ACTION.test(act.action)) {
    throw bad("An audited act's name is 1–64 lower-case letters, digits and . _ -");
  }
  checkUserId(act.actorId);
  checkUserId(act.targetId);
  if (act.ip !== undefined && (typeof act.ip !== 'string' || isIP(act.ip) === 0))
    throw bad('An audit entry has an IP address that is none');
  if (act.isRoutine !== undefined && typeof act.isRoutine !== 'boolean')
    throw bad('isRoutine of an audited act is true or false');
  return { ...act, details: checkedDetails(act.details === undefined ? {} : act.details) } as T & {
    readonly details: AuditDetails;
  };
}

/** @throws SessionError `bad_request` */
export function checkUserId(userId: string | undefined): void {
  if (userId === undefined) return;
  if (typeof userId === 'string' && userId !== '' && userId.length <= MAX_USER_ID_LENGTH) return;
  throw bad('An audit entry names users by an id of 1–256 characters');
}

/** @throws SessionError `bad_request` for details that are too big, of another kind, or named like a secret */
export function checkedDetails(details: AuditDetails): AuditDetails {
  const given = entriesOf(details).filter(([, value]) => value !== undefined);
  if (given.length > MAX_DETAILS) throw bad(`An audit entry has at most ${MAX_DETAILS} details`);
  const checked = Object.fromEntries(
    given.map(([name, value]) => [checkedName(name), checkedValue(name, value)]),
  );
  if (Buffer.byteLength(JSON.stringify(checked)) > MAX_BYTES) {
    throw bad(`The details of an audit entry have at most ${MAX_BYTES} bytes`);
  }
  return checked;
}

function entriesOf(details: AuditDetails): [string, AuditDetails[string]][] {
  try {
    return Object.entries(object(details, 'details')) as [string, AuditDetails[string]][];
  } catch {
    throw bad('The details of an audit entry are a plain object');
  }
}

function checkedName(name: string): string {
  if (!DETAIL_NAME.test(name)) throw bad('A detail of an audit entry has a name that cannot be used');
  if (SECRET_NAME.test(name)) throw bad(`The audit log takes no secrets, and '${name}' sounds like one`);
  return name;
}

function checkedValue(name: string, value: AuditDetails[string]): AuditDetails[string] {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
  if (typeof value === 'string' && value.length <= MAX_TEXT_LENGTH) return value.replace(TOKEN, 'lk_…');
  if (Array.isArray(value) && value.length <= MAX_LIST_LENGTH) {
    const texts = value as readonly unknown[];
    if (texts.every((text) => typeof text === 'string' && text.length <= MAX_TEXT_LENGTH)) {
      return (texts as readonly string[]).map((text) => text.replace(TOKEN, 'lk_…'));
    }
  }
  throw bad(
    `The detail '${name}' of an audit entry is no short text, number, yes or no, or short list of texts`,
  );
}

function bad(detail: string): SessionError {
  return new SessionError('bad_request', { detail });
}
