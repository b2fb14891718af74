/** A user's record as its fields tell it; the layout is described in lua/include/user-record.lua. */
export interface UserRecord {
  readonly id: string;
  readonly version: number;
  readonly epoch: number;
  /** Names parted by spaces. */
  readonly roles: string;
  readonly sourceVersion: number | undefined;
  readonly block: BlockRecord | undefined;
  /** As lua/include/ip.lua has it. */
  readonly ipAllowlist: string | undefined;
}

export interface BlockRecord {
  readonly at: number;
  /** 0: until lifted. */
  readonly until: number;
  readonly reason: string;
  readonly by: string;
}

/** The fields id, u, l, b and a; `null` where absent. */
export type UserReply = readonly (Buffer | null)[];

export const STANDING_LENGTH = 17;
const EPOCH = 6;

export function readUserRecord([id, standing, loaded, block, ipAllowlist]: UserReply): UserRecord {
  if (!id || !standing) throw new Error('The record of a user lacks a field');
  return {
    id: String(id),
    version: readVersion(standing, 0),
    epoch: readEpoch(standing, 0),
    roles: standing.toString('latin1', STANDING_LENGTH),
    sourceVersion: loaded ? readSourceVersion(loaded) : undefined,
    block: block ? readBlock(block) : undefined,
    ipAllowlist: ipAllowlist ? ipAllowlist.toString('latin1') : undefined,
  };
}

/** @param at where the field u begins */
export function readVersion(bytes: Buffer, at: number): number {
  return bytes.readUIntBE(at, EPOCH);
}

/** @param at where the field u begins */
export function readEpoch(bytes: Buffer, at: number): number {
  return bytes.readUIntBE(at + EPOCH, 5);
}

export function readSourceVersion(loaded: Buffer): number | undefined {
  return loaded.length > 6 ? readUInt56(loaded, 6) : undefined;
}

export function readBlock(bytes: Buffer): BlockRecord {
  const reasonEnd = 15 + bytes.readUInt16BE(13);
  return {
    at: bytes.readUIntBE(0, 6),
    until: readUInt56(bytes, 6),
    reason: bytes.toString('utf8', 15, reasonEnd),
    by: bytes.toString('utf8', reasonEnd),
  };
}

/** More than Buffer reads at once. */
function readUInt56(bytes: Buffer, at: number): number {
  return bytes.readUInt8(at) * 2 ** 48 + bytes.readUIntBE(at + 1, 6);
}
