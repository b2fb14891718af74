/** As nearly all clients write it. */
const USUAL = 'Bearer ';

/**
 * The token of an `Authorization: Bearer` header (RFC 6750 §2.1); empty when the scheme stands alone, `undefined` when
 * the scheme is another: then the header is none of ours.
 */
export function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.startsWith(USUAL) && header[USUAL.length] !== ' ') return header.slice(USUAL.length);
  const match = /^bearer(?: +(.*))?$/i.exec(header);
  return match ? (match[1] ?? '') : undefined;
}
