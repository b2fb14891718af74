/** As nearly all clients write it. */
const USUAL = 'Bearer ';
const SCHEME = 'bearer';

/**
 * The token of an `Authorization: Bearer` header (RFC 6750 §2.1); empty when the scheme stands alone, `undefined` when
 * the scheme is another: then the header is none of ours.
 */
export function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.startsWith(USUAL) && header[USUAL.length] !== ' ') return header.slice(USUAL.length);
  if (header.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
  let start = SCHEME.length;
  while (header[start] === ' ') start++;
  return start > SCHEME.length || header.length === SCHEME.length ? header.slice(start) : undefined;
}
