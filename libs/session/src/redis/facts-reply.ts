/** What a check found, in the order of lua/include/facts.lua. Texts and the record are still bytes. */
export interface FactsReply {
  readonly status: number;
  readonly admitted: boolean;
  readonly now: number;
  readonly tokenEnd: number;
  readonly record: Buffer;
  readonly version: number;
  readonly epoch: number;
  readonly userId: string;
  readonly roles: string;
  readonly device: Buffer;
  block:
    { readonly at: number; readonly until: number; readonly reason: string; readonly by: string } | undefined;
  sourceVersion: number | undefined;
  ipAllowlist: Buffer | undefined;
  /** allowed, remaining, microseconds until one more, microseconds until all; for each quota that was asked for. */
  quotas: readonly (readonly [number, number, number, number])[] | undefined;
  data: { readonly version: number; readonly payload: Buffer } | undefined;
}

const RECORD = 14;
const RECORD_LENGTH = 64;
const VERSION = RECORD + RECORD_LENGTH;
const EPOCH = VERSION + 6;
const TEXTS = EPOCH + 5;
const BLOCK = 2;
const SOURCE_VERSION = 4;
const IP_ALLOWLIST = 8;
const QUOTAS = 16;
const DATA = 32;

/** @param quotaCount how many quotas the check was asked about */
export function readFactsReply(reply: Buffer, quotaCount: number): FactsReply {
  const userIdEnd = endOfText(reply, TEXTS);
  const rolesEnd = endOfText(reply, userIdEnd);
  const deviceEnd = endOfText(reply, rolesEnd);
  const flags = reply.readUInt8(1);
  const facts: FactsReply = {
    status: reply.readUInt8(0),
    admitted: flags % 2 === 1,
    now: reply.readUIntBE(2, 6),
    tokenEnd: reply.readUIntBE(8, 6),
    record: reply.subarray(RECORD, VERSION),
    version: reply.readUIntBE(VERSION, 6),
    epoch: reply.readUIntBE(EPOCH, 5),
    userId: reply.toString('utf8', TEXTS + 4, userIdEnd),
    roles: reply.toString('latin1', userIdEnd + 4, rolesEnd),
    device: reply.subarray(rolesEnd + 4, deviceEnd),
    block: undefined,
    sourceVersion: undefined,
    ipAllowlist: undefined,
    quotas: undefined,
    data: undefined,
  };
  if (flags > 1) readRest(reply, facts, { at: deviceEnd, flags, quotaCount });
  return facts;
}

function readRest(
  reply: Buffer,
  facts: FactsReply,
  rest: { readonly at: number; readonly flags: number; readonly quotaCount: number },
): void {
  let { at } = rest;
  const number = (length: number): number => {
    at += length;
    return reply.readUIntBE(at - length, length);
  };
  const bytes = (): Buffer => {
    const start = at + 4;
    at = endOfText(reply, at);
    return reply.subarray(start, at);
  };
  if (rest.flags & BLOCK)
    facts.block = { at: number(6), until: number(6), reason: String(bytes()), by: String(bytes()) };
  if (rest.flags & SOURCE_VERSION) facts.sourceVersion = Number(String(bytes()));
  if (rest.flags & IP_ALLOWLIST) facts.ipAllowlist = bytes();
  if (rest.flags & QUOTAS) {
    facts.quotas = Array.from(
      { length: rest.quotaCount },
      () => [number(1), number(6), number(6), number(6)] as const,
    );
  }
  if (rest.flags & DATA) facts.data = { version: number(6), payload: bytes() };
}

function endOfText(reply: Buffer, at: number): number {
  return at + 4 + reply.readUInt32BE(at);
}
