import type { Device } from './session.js';

/** What happened, by the name that `SessionEvents.on` takes. */
export const SESSION_EVENT_NAMES = [
  'session.created',
  'session.revoked',
  'session.token_replaced',
  'session.refreshed',
  'refresh.reused',
  'refresh.device_changed',
  'sessions.revoked_all',
  'user.blocked',
  'user.unblocked',
  'user.roles_changed',
  'user.ip_allowlist_changed',
  'user.erased',
  'ip_list.changed',
] as const;

/** The names that `SessionEvents.on()` takes. @publicApi */
export type SessionEventName = (typeof SESSION_EVENT_NAMES)[number];

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
const HAS_DEVICES: ReadonlySet<string> = new Set<SessionEventName>([
  'refresh.reused',
  'refresh.device_changed',
]);
const NOTHING = '-';

/** Reads the one line that an event travels as; `undefined` for what is none, such as a later version's. */
export function parseSessionEvent(line: string): SessionEvent | undefined {
  const [, list, listVersion] = LIST_LINE.exec(line) ?? [];
  if (list !== undefined) return { name: 'ip_list.changed', list, version: Number(listVersion) };
  const [, name, userRef, version, epoch, sessionId, rest] = EVENT_LINE.exec(line) ?? [];
  if (!isUserEventName(name) || userRef === undefined || rest === undefined) return undefined;
  const about = HAS_DEVICES.has(name) ? withDevices(rest) : { userId: rest };
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
  return (
    name !== 'ip_list.changed' && (SESSION_EVENT_NAMES as readonly (string | undefined)[]).includes(name)
  );
}
