import { type JsonWebKey, randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { type Clock, systemClock } from '../../basics/clock.js';
import { toMilliseconds } from '../../basics/duration.js';
import { anything, fieldsOf, type Inputs } from '../../basics/inputs.js';
import { SessionError } from '../../model/session-error.js';
import { NAME_PATTERN } from '../../rules/roles.js';
import { checkAlgorithm, checkKeys, checkParty, checkTolerance } from '../../options/checks/jwt.js';
import { fail, isRecord, mustBe, noOthers } from '../../rules/option-rules.js';
import type { JwtAlgorithm } from '../../options/jwt-options.js';
import { isSignedBy, type JwtClaims, parseJwt, signJwt, timeOf } from '../../signing/compact-jwt.js';
import { KeyRing } from '../../signing/key-ring.js';
import type { NewServiceToken, ServiceCall, ServiceTokensOptions } from './service-tokens-options.js';

/** Keeps access tokens and service tokens from passing for each other. */
const TYPE = 'service+jwt';
const DEFAULT_TTL_MS = 60_000;
const MAX_TTL_MS = 5 * 60_000;
const MAX_SCOPES = 20;

/** Taken by `sign`. */
const TOKEN: Inputs<NewServiceToken> = { to: anything, scopes: anything, subject: anything, ttl: anything };

interface Signer {
  readonly algorithm: JwtAlgorithm;
  readonly ring: KeyRing;
}

interface Parts {
  readonly service: string;
  readonly signing?: Signer;
  readonly trusted: ReadonlyMap<string, Signer>;
  readonly toleranceMs: number;
  readonly clock: Clock;
}

/**
 * Short JWTs by which one service shows another that it may call: from one issuer, for one audience, with scopes. They are
 * not looked up and cannot be revoked; that is why they live a minute. Whoever intercepts one can use it again until then.
 * @example
 * ```ts
 * const token = await serviceTokens.sign({ to: 'https://orders.internal', scopes: ['orders:read'] });
 * const orders = await fetch('https://orders.internal/orders', { headers: { authorization: `Bearer ${token}` } });
 * ```
 * @publicApi
 */
export class ServiceTokens {
  private constructor(private readonly parts: Parts) {}

  /** @throws SessionConfigurationError naming the option that cannot work */
  static async open(options: ServiceTokensOptions): Promise<ServiceTokens> {
    if (!isRecord(options)) fail('options', 'must be an object: does the factory return one?');
    noOthers(options, ['service', 'signing', 'trust', 'clockTolerance', 'clock']);
    const { signing, trust = [], clock = systemClock } = options;
    const logger = new Logger('ServiceTokensModule');
    const parts = { clock, log: (line: string) => logger.warn(line) };
    const ring = async (option: string, from: NonNullable<typeof signing>, mustSign: boolean) => {
      const algorithm = checkAlgorithm(`${option}.algorithm`, from.algorithm);
      const keys = checkKeys(`${option}.keys`, from.keys);
      return {
        algorithm,
        ring: await KeyRing.open({ ...parts, option: `${option}.keys`, algorithm, keys, mustSign }),
      };
    };
    if (signing !== undefined && !isRecord(signing)) mustBe('signing', 'an object', signing);
    if (signing) noOthers(signing, ['algorithm', 'keys'], 'signing.');
    if (!Array.isArray(trust)) mustBe('trust', 'a list of services', trust);
    const trusted = new Map<string, Signer>();
    for (const [i, other] of (trust as NonNullable<typeof options.trust>).entries()) {
      const option = `trust[${i}]`;
      if (!isRecord(other)) mustBe(option, 'an object', other);
      noOthers(other, ['service', 'algorithm', 'keys'], `${option}.`);
      const name = checkParty(`${option}.service`, other.service);
      if (trusted.has(name)) fail(`${option}.service`, `is there twice: '${name}'`);
      trusted.set(name, await ring(option, other as NonNullable<typeof signing>, false));
    }
    return new ServiceTokens({
      service: checkParty('service', options.service),
      ...(signing ? { signing: await ring('signing', signing, true) } : {}),
      trusted,
      toleranceMs: checkTolerance('clockTolerance', options.clockTolerance ?? '5s'),
      clock,
    });
  }

  /**
   * A token with which this service calls another; to go into `Authorization: Bearer`.
   * @throws RangeError, TypeError or SessionConfigurationError for what no token can say
   */
  async sign(given: NewServiceToken): Promise<string> {
    const { to, scopes, subject, ttl = DEFAULT_TTL_MS } = fieldsOf(given, 'token', TOKEN);
    const { service, signing, clock } = this.parts;
    if (!signing) throw new RangeError('This service has no keys to sign with: see the option signing');
    const ttlMs = toMilliseconds(ttl);
    if (ttlMs < 1_000 || ttlMs > MAX_TTL_MS) throw new RangeError('ttl must be 1s to 5m');
    if (!areScopes(scopes)) throw new RangeError(`scopes must be at most ${MAX_SCOPES} names`);
    const sub = subject === undefined ? service : subject;
    if (!isSubject(sub)) throw new RangeError('subject must be a text of 1–256 well-formed characters');
    const { kid, key } = await signing.ring.signer();
    const iat = Math.floor(clock.now() / 1_000);
    const claims = {
      iss: service,
      aud: checkParty('to', to),
      sub,
      scope: scopes.join(' '), // RFC 8693 §4.2
      jti: randomBytes(16).toString('base64url'),
      iat,
      nbf: iat,
      exp: iat + Math.floor(ttlMs / 1_000),
    };
    return signJwt({ alg: signing.algorithm, typ: TYPE, kid }, claims, key);
  }

  /**
   * What a token proves.
   * @throws SessionError `service_token_invalid`, whatever is wrong with it
   */
  async verify(token: string): Promise<ServiceCall> {
    const { header, claims } = parseJwt(token) ?? {};
    const issuer = claims?.['iss'];
    const from = typeof issuer === 'string' ? this.parts.trusted.get(issuer) : undefined;
    if (claims && from && header?.typ === TYPE && header.alg === from.algorithm) {
      const key = await from.ring.verifier(header.kid);
      const call = key && (await isSignedBy(token, key, from.algorithm)) && this.callIn(claims);
      if (call) return call;
    }
    throw new SessionError('service_token_invalid');
  }

  /** The public keys by which others know this service's tokens, for a route or a file of yours; none for HS256. */
  async jwks(): Promise<{ keys: JsonWebKey[] }> {
    return { keys: (await this.parts.signing?.ring.publicKeys()) ?? [] };
  }

  private callIn(claims: JwtClaims): ServiceCall | undefined {
    const { iss, aud, sub, scope, jti, exp } = claims;
    const { service, clock, toleranceMs } = this.parts;
    const time = timeOf(claims, { now: clock.now(), toleranceMs });
    if (!time || time.isExpired || time.lifetimeSeconds * 1_000 > MAX_TTL_MS) return undefined;
    if (aud !== service || typeof scope !== 'string' || typeof jti !== 'string' || !/^[\w-]{22}$/.test(jti))
      return undefined;
    const scopes = scope === '' ? [] : scope.split(' ');
    if (!isSubject(sub) || !areScopes(scopes)) return undefined;
    return { issuer: iss as string, subject: sub, scopes, id: jti, expiresAt: (exp as number) * 1_000 };
  }
}

function areScopes(scopes: unknown): scopes is readonly string[] {
  return (
    Array.isArray(scopes) &&
    scopes.length <= MAX_SCOPES &&
    scopes.every((scope) => typeof scope === 'string' && NAME_PATTERN.test(scope))
  );
}

function isSubject(subject: unknown): subject is string {
  return (
    typeof subject === 'string' && subject !== '' && subject.length <= 256 && !/\p{Surrogate}/u.test(subject)
  );
}
