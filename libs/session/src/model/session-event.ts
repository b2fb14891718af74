import type { Device } from './session.js';

/** What an event decides. */
export interface EventRules {
  /**
   * Which live connections may have to end and are checked again: those of its user, of its session, or those that
   * depend on its IP list; `null`: no connection.
   */
  readonly ends: 'user' | 'session' | 'ip_list' | null;
  /** Whether the act's receipt counts the nodes that have carried it out. */
  readonly isConfirmed: boolean;
  /** Whether its line has two devices: the session's and the one that presented the refresh token. */
  readonly hasDevices: boolean;
}

const QUIET = { ends: null, isConfirmed: false, hasDevices: false } as const;
const ENDS_SESSION = { ends: 'session', isConfirmed: false, hasDevices: false } as const;
const ENDS_USER = { ends: 'user', isConfirmed: true, hasDevices: false } as const;

/** Everything that is told, with all that follows from it. Lua scripts and the memory repositories announce by these names. */
export const SESSION_EVENTS = {
  'session.created': QUIET,
  'session.revoked': ENDS_SESSION,
  'session.token_replaced': ENDS_SESSION,
  'session.refreshed': ENDS_SESSION,
  'refresh.reused': { ...ENDS_SESSION, hasDevices: true },
  'refresh.device_changed': { ...QUIET, hasDevices: true },
  'sessions.revoked_all': ENDS_USER,
  'user.blocked': ENDS_USER,
  'user.unblocked': QUIET,
  'user.roles_changed': ENDS_USER,
  'user.ip_allowlist_changed': ENDS_USER,
  'user.erased': { ...ENDS_USER, isConfirmed: false },
  'ip_list.changed': { ends: 'ip_list', isConfirmed: true, hasDevices: false },
} as const satisfies Record<string, EventRules>;

/** What happened, by the name that `SessionEvents.on` takes. */
export const SESSION_EVENT_NAMES = Object.keys(SESSION_EVENTS) as readonly SessionEventName[];

/** The name of an event, for `SessionEvents.on()`. @publicApi */
export type SessionEventName = keyof typeof SESSION_EVENTS;

/** What an event tells of a device. @publicApi */
export type EventDevice = Pick<Device, 'userAgent' | 'ip'>;

/** The names of events about users and their sessions. @publicApi */
export type UserEventName = Exclude<SessionEventName, 'ip_list.changed'>;

/** Something that was done to a user's sessions or state. @publicApi */
export interface UserEvent<Name extends UserEventName = UserEventName> {
  readonly name: Name;
  readonly userId: string;
  /** The public name of the user in keys and tokens. */
  readonly userRef: string;
  /** The user's version and authorization epoch after it. */
  readonly version: number;
  readonly epoch: number;
  /** The session that it is about; with `sessions.revoked_all` the one that was kept, if any. */
  readonly sessionId?: string;
  /**
   * With `refresh.reused` and `refresh.device_changed`: the device that the session was known by, and the one that
   * presented the refresh token. What is empty is not known.
   */
  readonly devices?: { readonly session: EventDevice; readonly presented: EventDevice };
}

/** A named list of IP ranges was changed. @publicApi */
export interface IpListEvent {
  readonly name: 'ip_list.changed';
  /** The list's name. */
  readonly list: string;
  /** The list's version after it. */
  readonly version: number;
}

/** Something that was done, told to every node. @publicApi */
export type SessionEvent<Name extends SessionEventName = SessionEventName> = Name extends UserEventName
  ? UserEvent<Name>
  : IpListEvent;

const LIST_LINE = /^ip_list\.changed (\S+) (\d+)$/;
const EVENT_LINE = /^(\S+) (\S+) (\d+) (\d+) (\S+) ([^]+)$/;
/** Where a line has devices, they come before the user id: two times an IP and a user agent. */
const DEVICES = /^(\S+) (\S+) (\S+) (\S+) ([^]+)$/;
const NOTHING = '-';

/** Reads the one line that an event travels as; `undefined` for what is none, such as a later version's. */
export function parseSessionEvent(line: string): SessionEvent | undefined {
  const [, list, listVersion] = LIST_LINE.exec(line) ?? [];
  if (list !== undefined) return { name: 'ip_list.changed', list, version: Number(listVersion) };
  const [, name, userRef, version, epoch, sessionId, rest] = EVENT_LINE.exec(line) ?? [];
  if (!isUserEventName(name) || userRef === undefined || rest === undefined) return undefined;
  const about = SESSION_EVENTS[name].hasDevices ? withDevices(rest) : { userId: rest };
  if (!about) return undefined;
  return {
    name,
    ...about,
    userRef,
    version: Number(version),
    epoch: Number(epoch),
    ...(sessionId === undefined || sessionId === NOTHING ? {} : { sessionId }),
  };
}

function withDevices(rest: string): Pick<UserEvent, 'userId' | 'devices'> | undefined {
  const words = DEVICES.exec(rest)?.slice(1);
  const userId = words?.pop();
  if (!words || userId === undefined) return undefined;
  const [ip = '', userAgent = '', presentedIp = '', presentedUserAgent = ''] = words.map(unescaped);
  const devices = {
    session: { userAgent, ip },
    presented: { userAgent: presentedUserAgent, ip: presentedIp },
  };
  return { userId, devices };
}

function unescaped(word: string): string {
  if (word === NOTHING) return '';
  try {
    return decodeURIComponent(word);
  } catch {
    return '';
  }
}

function isUserEventName(name: string | undefined): name is UserEventName {
  return name !== undefined && name !== 'ip_list.changed' && Object.hasOwn(SESSION_EVENTS, name);
}
