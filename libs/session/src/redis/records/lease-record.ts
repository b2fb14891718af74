/** A lease in a user's record (lua/include/lease.lua). */
export interface LeaseRecord {
  readonly holder: string;
  /** The holder's latest fill. */
  readonly to: number;
  /** Its first fill that it has not given back. */
  readonly from: number;
  readonly expiresAt: number;
}

export const HOLDER_BYTES = 5;
const RECORD_BYTES = 21;

/** The leases that stand one behind the other in a record. Bytes that are no whole lease at the end are none. */
export function readLeases(bytes: Buffer): LeaseRecord[] {
  return Array.from({ length: Math.floor(bytes.length / RECORD_BYTES) }, (_, i) => {
    const at = i * RECORD_BYTES;
    return {
      holder: bytes.toString('latin1', at, at + HOLDER_BYTES),
      from: bytes.readUIntBE(at + 5, 5),
      to: bytes.readUIntBE(at + 10, 5),
      expiresAt: bytes.readUIntBE(at + 15, 6),
    };
  });
}

interface AskedLease {
  readonly holder: string;
  readonly fill: number;
  readonly termMs: number;
}

/** A lease that is asked for. */
export function packLease({ holder, fill, termMs }: AskedLease): Buffer {
  const packed = Buffer.alloc(14, holder, 'latin1');
  packed.writeUIntBE(fill, HOLDER_BYTES, 5);
  packed.writeUInt32BE(termMs, 10);
  return packed;
}

/** The same as an argument of a call in the Redis protocol: a character for each byte. */
export function leaseArgument(asked: AskedLease): string {
  return `$14\r\n${packLease(asked).toString('latin1')}\r\n`;
}
