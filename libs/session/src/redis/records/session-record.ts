import type { AssuranceLevel } from '../../model/session.js';

/** A session as its 64 bytes tell it; the layout is described in lua/include/session-record.lua. */
export interface SessionRecord {
  readonly epoch: number;
  readonly createdAt: number;
  /** For an ended session: when it ended. */
  readonly lastSeenAt: number;
  readonly authenticatedAt: number;
  readonly inactivityTimeoutMs: number;
  readonly absoluteTimeoutMs: number;
  readonly assurance: AssuranceLevel;
  readonly rememberMe: boolean;
  readonly ended: boolean;
}

const ASSURANCE: readonly AssuranceLevel[] = ['aal1', 'aal2', 'aal3'];
const REMEMBER_ME = 128;
const HAS_FAMILY = 64;

export function assuranceCode(assurance: AssuranceLevel): number {
  return ASSURANCE.indexOf(assurance) + 1;
}

export function traitsOf(traits: {
  readonly assurance: AssuranceLevel;
  readonly rememberMe: boolean;
  readonly hasFamily: boolean;
}): number {
  const { assurance, rememberMe, hasFamily } = traits;
  return assuranceCode(assurance) + (rememberMe ? REMEMBER_ME : 0) + (hasFamily ? HAS_FAMILY : 0);
}

const TIMES = 32;

export function readSessionRecord(bytes: Buffer): SessionRecord {
  return readSessionTimes(bytes, TIMES);
}

/** @param at where the record begins but for its token hash */
export function readSessionTimes(bytes: Buffer, at: number): SessionRecord {
  const createdAt = bytes.readUIntBE(at + 5, 6);
  const traits = bytes.readUInt8(at + 30);
  return {
    epoch: bytes.readUIntBE(at, 5),
    createdAt,
    lastSeenAt: createdAt + bytes.readUIntBE(at + 11, 5),
    authenticatedAt: createdAt + bytes.readUIntBE(at + 16, 5),
    inactivityTimeoutMs: bytes.readUInt32BE(at + 21),
    absoluteTimeoutMs: bytes.readUIntBE(at + 25, 5),
    assurance: ASSURANCE[(traits % HAS_FAMILY) - 1] ?? 'aal1',
    rememberMe: traits >= REMEMBER_ME,
    ended: bytes.readUInt8(at + 31) !== 0,
  };
}
