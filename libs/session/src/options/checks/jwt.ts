import { type Duration, toMilliseconds } from '../../basics/duration.js';
import { attempt, fail, isRecord, noOthers, oneOf } from '../../rules/option-rules.js';
import type { SessionModuleOptions } from '../options.js';
import type { AccessTokenSettings } from '../settings.js';
import type { JwtAlgorithm, TrustedKeys } from '../jwt-options.js';

const ALGORITHMS: readonly JwtAlgorithm[] = ['EdDSA', 'ES256', 'RS256', 'HS256'];
const MAX_TOLERANCE_MS = 5 * 60_000;
const DEFAULT_TOLERANCE: Duration = '30s';

/** What can be said of the options without the keys themselves: those are looked at when the ring is opened. */
export function checkAccessToken({ accessToken = 'opaque', jwt }: SessionModuleOptions): AccessTokenSettings {
  if (oneOf('accessToken', accessToken, ['opaque', 'jwt']) === 'opaque') {
    if (jwt !== undefined) fail('jwt', "has no effect without accessToken: 'jwt': set that, or leave it out");
    return { kind: 'opaque' };
  }
  if (!isRecord(jwt)) fail('jwt', "must be an object: accessToken is 'jwt'");
  noOthers(jwt, ['algorithm', 'issuer', 'audience', 'keys', 'clockTolerance'], 'jwt.');
  return {
    kind: 'jwt',
    algorithm: checkAlgorithm('jwt.algorithm', jwt.algorithm),
    issuer: checkParty('jwt.issuer', jwt.issuer),
    audience: checkParty('jwt.audience', jwt.audience),
    keys: checkKeys('jwt.keys', jwt.keys),
    clockToleranceMs: checkTolerance('jwt.clockTolerance', jwt.clockTolerance),
  };
}

export function checkAlgorithm(option: string, algorithm: JwtAlgorithm): JwtAlgorithm {
  return oneOf(option, algorithm, ALGORITHMS);
}

/** An issuer or audience: ASCII, so that it has one spelling, and short enough to leave the rest of a token its room. */
export function checkParty(option: string, name: string): string {
  if (typeof name === 'string' && /^[\x21-\x7e]{1,200}$/.test(name)) return name;
  return fail(option, 'must be 1–200 printable ASCII characters without blanks, such as https://app.example');
}

export function checkKeys<Keys extends TrustedKeys>(option: string, keys: Keys): Keys {
  if (typeof keys === 'function' || isRecord(keys) || Array.isArray(keys)) return keys;
  return fail(option, 'must be a list of keys, a JSON Web Key Set, or a function that returns one');
}

export function checkTolerance(option: string, tolerance: Duration = DEFAULT_TOLERANCE): number {
  const toleranceMs = attempt(option, () => toMilliseconds(tolerance));
  if (toleranceMs > MAX_TOLERANCE_MS) fail(option, `must be at most 5m, not ${tolerance}`);
  return toleranceMs;
}
