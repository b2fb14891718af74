import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';

/** A key of AES-256-GCM, and the name by which sealed data says which key it needs. */
export interface SealKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** Where data belongs: sealed there, it opens nowhere else. */
export interface DataPlace {
  readonly userRef: string;
  readonly sessionId: string;
}

interface OpenedData {
  readonly text: string;
  /** Not sealed as it would be sealed today: with an older key, or not at all. */
  readonly isOutdated: boolean;
}

const CIPHER = 'aes-256-gcm';
/** 96 random bits: NIST SP 800-38D allows 2^32 of them under one key. */
const IV_LENGTH = 12;
const TAG_LENGTH = 16;
const HEADER = /^s1:([\w-]{1,32}):/;
const LONGEST_HEADER = 36;
const BRACE = 0x7b;

/**
 * Data on its way into the repository and out of it: JSON text as it is, or with keys sealed:
 *
 *     s1:KEY_ID: │ IV: 12 bytes │ AES-256-GCM of the text │ tag: 16 bytes
 *
 * with the format, the key's name, userRef and session ID as associated data.
 */
export class DataSealer {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #first: SealKey | undefined;

  /**
   * @param keys the first one seals, each of them opens; none: nothing is sealed
   * @param acceptPlain with keys: open what was written before there were any, too
   */
  constructor(
    keys: readonly SealKey[],
    private readonly acceptPlain: boolean,
  ) {
    this.#keys = new Map(keys.map(({ id, key }) => [id, key]));
    this.#first = keys[0];
  }

  seal(text: string, place: DataPlace): Buffer {
    if (!this.#first) return Buffer.from(text);
    const { id, key } = this.#first;
    const iv = randomBytes(IV_LENGTH);
    const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_LENGTH });
    cipher.setAAD(associatedData(id, place));
    const sealed = [cipher.update(text), cipher.final()];
    return Buffer.concat([Buffer.from(`s1:${id}:`), iv, ...sealed, cipher.getAuthTag()]);
  }

  /** @throws Error, fit for logs, for what does not open */
  open(payload: Buffer, place: DataPlace): OpenedData {
    if (payload[0] === BRACE) {
      if (this.#first && !this.acceptPlain) throw new Error('is not sealed');
      return { text: payload.toString(), isOutdated: this.#first !== undefined };
    }
    const [header, id = ''] = HEADER.exec(payload.toString('latin1', 0, LONGEST_HEADER)) ?? [];
    if (header === undefined) throw new Error('is of an unknown format');
    const key = this.#keys.get(id);
    if (!key) throw new Error(`is sealed with the key '${id}', which is not among sessionData.keys`);
    const text = unseal(payload.subarray(header.length), key, associatedData(id, place));
    return { text, isOutdated: id !== this.#first?.id };
  }
}

function unseal(sealed: Buffer, key: KeyObject, associated: Buffer): string {
  const tagAt = sealed.length - TAG_LENGTH;
  if (tagAt < IV_LENGTH) throw new Error('is cut off');
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, IV_LENGTH), {
    authTagLength: TAG_LENGTH,
  });
  decipher.setAAD(associated).setAuthTag(sealed.subarray(tagAt));
  const opened = decipher.update(sealed.subarray(IV_LENGTH, tagAt));
  try {
    return Buffer.concat([opened, decipher.final()]).toString();
  } catch {
    throw new Error('does not open: it was changed, moved from another session, or sealed with another key');
  }
}

function associatedData(keyId: string, { userRef, sessionId }: DataPlace): Buffer {
  return Buffer.from(`latchkey:session-data:s1:${keyId}:${userRef}:${sessionId}`);
}
