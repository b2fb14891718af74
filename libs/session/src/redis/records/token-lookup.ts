import { type Device } from '../../model/session.js';
import { readDevice, readDeviceFrom } from './device-record.js';
import { readSessionTimes, type SessionRecord } from './session-record.js';
import {
  readBlock,
  readEpoch,
  readSourceVersion,
  readVersion,
  STANDING_LENGTH,
  type BlockRecord,
  type UserRecord,
} from './user-record.js';

/** What a check may find, by the number that stands for it in lua/authenticate.lua. A test compares both. */
export const CHECK_STATUS = { unknown: 0, live: 1, revoked: 2, expired: 3, load: 4 } as const;

/** What a check found, in the order of lua/include/facts.lua. */
export interface TokenLookupReply {
  readonly status: number;
  readonly admitted: boolean;
  readonly now: number;
  readonly tokenEnd: number;
  readonly session: SessionRecord;
  readonly device: Device;
  readonly user: UserRecord;
  /** For each quota that was asked for; absent where they were not looked at. */
  readonly quotas: readonly QuotaReply[] | undefined;
  readonly data: { readonly version: number; readonly payload: Buffer } | undefined;
  /** Whether the lease that was asked for is granted. */
  readonly isLeased: boolean;
}

/** allowed, remaining, microseconds until one more, microseconds until all */
export type QuotaReply = readonly [allowed: number, remaining: number, waitUs: number, resetUs: number];

const TIMES = 20;
const TEXTS = 52;
const BLOCK = 2;
const LOADED = 4;
const IP_ALLOWLIST = 8;
const QUOTAS = 16;
const DATA = 32;
const LEASED = 64;

const REST = BLOCK | LOADED | IP_ALLOWLIST | QUOTAS | DATA;

/** What a check may tell besides, each where its flag is set. */
interface Rest {
  block: BlockRecord | undefined;
  sourceVersion: number | undefined;
  ipAllowlist: string | undefined;
  quotas: readonly QuotaReply[] | undefined;
  data: TokenLookupReply['data'];
}

const NOTHING: Readonly<Rest> = {
  block: undefined,
  sourceVersion: undefined,
  ipAllowlist: undefined,
  quotas: undefined,
  data: undefined,
};

/** @param quotaCount how many quotas the check was asked about */
export function readTokenLookup(reply: Buffer, quotaCount: number): TokenLookupReply {
  const flags = reply.readUInt8(1);
  const idEnd = TEXTS + reply.readUInt16BE(14);
  const standing = idEnd + reply.readUInt16BE(18);
  const end = standing + reply.readUInt16BE(16);
  // One call for all texts: where each character is a byte, they are found by their lengths.
  const texts = reply.toString('utf8', TEXTS, standing);
  const isPlain = texts.length === standing - TEXTS;
  const rest = (flags & REST) !== 0 ? readRest(reply, end, { flags, quotaCount }) : NOTHING;
  return {
    status: reply.readUInt8(0),
    admitted: flags % 2 === 1,
    now: reply.readUIntBE(2, 6),
    tokenEnd: reply.readUIntBE(8, 6),
    session: readSessionTimes(reply, TIMES),
    device: isPlain ? readDeviceFrom(texts, idEnd - TEXTS) : readDevice(reply.subarray(idEnd, standing)),
    user: {
      id: isPlain ? texts.slice(0, idEnd - TEXTS) : reply.toString('utf8', TEXTS, idEnd),
      version: readVersion(reply, standing),
      epoch: readEpoch(reply, standing),
      roles: reply.toString('latin1', standing + STANDING_LENGTH, end),
      sourceVersion: rest.sourceVersion,
      block: rest.block,
      ipAllowlist: rest.ipAllowlist,
    },
    quotas: rest.quotas,
    data: rest.data,
    isLeased: (flags & LEASED) !== 0,
  };
}

function readRest(
  reply: Buffer,
  from: number,
  { flags, quotaCount }: { readonly flags: number; readonly quotaCount: number },
): Rest {
  const rest: Rest = { ...NOTHING };
  const reader = new Reader(reply, from);
  if (flags & BLOCK) rest.block = readBlock(reader.bytes(2));
  if (flags & LOADED) rest.sourceVersion = readSourceVersion(reader.bytes(2));
  if (flags & IP_ALLOWLIST) rest.ipAllowlist = reader.bytes(4).toString('latin1');
  if (flags & QUOTAS) {
    const quotas: QuotaReply[] = [];
    for (let i = 0; i < quotaCount; i++) {
      quotas.push([reader.number(1), reader.number(6), reader.number(6), reader.number(6)]);
    }
    rest.quotas = quotas;
  }
  if (flags & DATA) rest.data = { version: reader.number(6), payload: reader.bytes(4) };
  return rest;
}

/** Reads what stands one behind the other. */
class Reader {
  constructor(
    private readonly source: Buffer,
    private at: number,
  ) {}

  number(length: number): number {
    this.at += length;
    return this.source.readUIntBE(this.at - length, length);
  }

  /** With their length before them. */
  bytes(lengthBytes: number): Buffer {
    const length = this.number(lengthBytes);
    this.at += length;
    return this.source.subarray(this.at - length, this.at);
  }
}
