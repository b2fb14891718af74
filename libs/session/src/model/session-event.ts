/** What happened, by the name that `SessionEvents.on` takes. */
export const SESSION_EVENT_NAMES = [
  'session.created',
  'session.revoked',
  'session.token_replaced',
  'sessions.revoked_all',
  'user.blocked',
  'user.unblocked',
  'user.roles_changed',
  'user.erased',
] as const;

/** @publicApi */
export type SessionEventName = (typeof SESSION_EVENT_NAMES)[number];

/** Something that was done to a user's sessions or state, told to every node. @publicApi */
export interface SessionEvent<Name extends SessionEventName = SessionEventName> {
  readonly name: Name;
  readonly userId: string;
  /** The public name of the user in keys and tokens. */
  readonly userRef: string;
  /** The user's version and authorization epoch after it. */
  readonly version: number;
  readonly epoch: number;
  /** The session that it is about; with `sessions.revoked_all` the one that was kept, if any. */
  readonly sessionId?: string;
}

const EVENT_LINE = /^(\S+) (\S+) (\d+) (\d+) (\S+) ([^]+)$/;
const NO_SESSION = '-';

/** Reads the one line that an event travels as; `undefined` for what is none, such as a later version's. */
export function parseSessionEvent(line: string): SessionEvent | undefined {
  const [, name, userRef, version, epoch, sessionId, userId] = EVENT_LINE.exec(line) ?? [];
  if (!isEventName(name) || userRef === undefined || userId === undefined) return undefined;
  return {
    name,
    userId,
    userRef,
    version: Number(version),
    epoch: Number(epoch),
    ...(sessionId === undefined || sessionId === NO_SESSION ? {} : { sessionId }),
  };
}

function isEventName(name: string | undefined): name is SessionEventName {
  return (SESSION_EVENT_NAMES as readonly (string | undefined)[]).includes(name);
}
