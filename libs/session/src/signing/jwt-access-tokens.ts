import type { JsonWebKey } from 'node:crypto';
import type { Clock } from '../basics/clock.js';
import type { JwtSettings } from '../options/settings.js';
import type { AccessTokenFormat, AccessTokenParts } from '../token/access-token.js';
import { isSessionId, parseGuestToken, type ParsedToken, userRefOf } from '../token/session-token.js';
import { sha256 } from '../token/sha256.js';
import { isSignedBy, type JwtClaims, parseJwt, signJwt, timeOf } from './compact-jwt.js';
import { KeyRing } from './key-ring.js';

/** RFC 9068 §2.1: keeps tokens of other kinds from passing for access tokens. */
const TYPE = 'at+jwt';
const SECRET_SHAPE = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/; // 256 bits leave two of the last character unused

/**
 * Access tokens as JWTs. The signature comes first and keeps forgeries from the repository; what decides is the same
 * check as for opaque tokens. `jti` is the token's 256-bit secret, of which the repository keeps a hash: so whoever steals
 * a signing key can still not make a token for any session, and a replaced token is dead at once.
 */
export class JwtAccessTokens implements AccessTokenFormat {
  private constructor(
    private readonly settings: JwtSettings,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
  ) {}

  /** @throws SessionConfigurationError when the keys cannot be used */
  static async open(
    settings: JwtSettings,
    { clock, log }: { readonly clock: Clock; readonly log: (line: string) => void },
  ): Promise<JwtAccessTokens> {
    const { algorithm, keys } = settings;
    const ring = await KeyRing.open({ option: 'jwt.keys', algorithm, keys, mustSign: true, clock, log });
    return new JwtAccessTokens(settings, ring, clock);
  }

  hashOf(names: Pick<AccessTokenParts, 'userRef' | 'sessionId'>, secret: Buffer): Buffer {
    return hashToken(names, secret.toString('base64url'));
  }

  async write({ userId, sessionId, secret, issuedAt, expiresAt }: AccessTokenParts): Promise<string> {
    const { issuer, audience, algorithm } = this.settings;
    const { kid, key } = await this.ring.signer();
    const iat = Math.floor(issuedAt / 1_000);
    const claims = {
      iss: issuer,
      aud: audience,
      sub: userId,
      sid: sessionId,
      jti: secret.toString('base64url'),
      iat,
      nbf: iat,
      exp: Math.ceil(expiresAt / 1_000), // never before the session: when that ends, the repository says
    };
    return signJwt({ alg: algorithm, typ: TYPE, kid }, claims, key);
  }

  async read(token: string): Promise<ParsedToken | undefined> {
    const guest = parseGuestToken(token);
    if (guest) return guest;
    const { algorithm, clockToleranceMs } = this.settings;
    const { header, claims } = parseJwt(token) ?? {};
    if (!claims || header?.alg !== algorithm || header.typ !== TYPE) return undefined;
    const key = await this.ring.verifier(header.kid);
    if (!key || !(await isSignedBy(token, key, algorithm))) return undefined;
    const time = timeOf(claims, { now: this.clock.now(), toleranceMs: clockToleranceMs });
    const names = this.namesIn(claims);
    return time && names && { ...names, ...(time.isExpired ? { isExpired: true } : {}) };
  }

  publicKeys(): Promise<readonly JsonWebKey[]> {
    return this.ring.publicKeys();
  }

  private namesIn({ iss, aud, sub, sid, jti }: JwtClaims): ParsedToken | undefined {
    const { issuer, audience } = this.settings;
    if (iss !== issuer || aud !== audience || typeof sub !== 'string') return undefined;
    if (typeof sid !== 'string' || !isSessionId(sid)) return undefined;
    if (typeof jti !== 'string' || !SECRET_SHAPE.test(jti)) return undefined;
    const userRef = referenceTo(sub);
    if (userRef === undefined) return undefined;
    const names = { userRef, sessionId: sid };
    return { ...names, tokenHash: hashToken(names, jti) };
  }
}

/** Another prefix than an opaque token's: neither's secret makes a token of the other kind. */
function hashToken(
  { userRef, sessionId }: Pick<AccessTokenParts, 'userRef' | 'sessionId'>,
  jti: string,
): Buffer {
  return sha256(`jwt_${userRef}${sessionId}${jti}`);
}

/** `undefined` for what can be no user id. */
function referenceTo(userId: string): string | undefined {
  try {
    return userRefOf(userId);
  } catch {
    return undefined;
  }
}
