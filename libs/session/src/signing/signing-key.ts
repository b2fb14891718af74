import { createPrivateKey, createPublicKey, createSecretKey, KeyObject, type JsonWebKey } from 'node:crypto';
import { fail, isRecord, mustBe, noOthers } from '../rules/option-rules.js';
import type { JsonWebKeySet, JwtAlgorithm, JwtKey } from '../options/jwt-options.js';

/** A key of the ring, ready for use. Instants are milliseconds since 1970 UTC. */
export interface SigningKey {
  readonly kid: string;
  /** Absent: it only verifies. */
  readonly signs?: KeyObject;
  readonly verifies: KeyObject;
  readonly activeAt: number;
  readonly retiredAt: number;
}

const MATERIAL = ['privateKey', 'publicKey', 'secret'] as const;
const KEY_TYPE = { EdDSA: 'OKP', ES256: 'EC', RS256: 'RSA', HS256: 'oct' } as const;

/** What the keys of an algorithm must be: RFC 8037, RFC 7518 §3.2–3.4. */
const FITS: Readonly<Record<JwtAlgorithm, readonly [test: (key: KeyObject) => boolean, what: string]>> = {
  EdDSA: [({ asymmetricKeyType }) => asymmetricKeyType === 'ed25519', 'an Ed25519 key'],
  ES256: [
    ({ asymmetricKeyType, asymmetricKeyDetails }) =>
      asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1',
    'a P-256 key',
  ],
  RS256: [
    ({ asymmetricKeyType, asymmetricKeyDetails: { modulusLength = 0 } = {} }) =>
      asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 4096,
    'an RSA key of 2048–4096 bits',
  ],
  HS256: [({ symmetricKeySize = 0 }) => symmetricKeySize >= 32, 'a secret of at least 32 bytes'],
};

/**
 * The keys checked and taken in. Key material is in no message.
 * @throws SessionConfigurationError naming the option and the `kid`
 */
export function readKeys(
  option: string,
  algorithm: JwtAlgorithm,
  given: readonly JwtKey[] | JsonWebKeySet,
): SigningKey[] {
  const list: unknown = Array.isArray(given) ? given : fromKeySet(option, algorithm, given);
  const keys = (list as readonly JwtKey[]).map((key, i) => readKey(`${option}[${i}]`, algorithm, key));
  const twice = keys.find(({ kid }, i) => keys.findIndex((other) => other.kid === kid) !== i);
  if (twice) fail(option, `has two keys with the kid '${twice.kid}': give each its own`);
  return keys;
}

function fromKeySet(option: string, algorithm: JwtAlgorithm, given: unknown): JwtKey[] {
  const { keys } = (isRecord(given) ? given : {}) as Partial<JsonWebKeySet>;
  if (!Array.isArray(keys))
    mustBe(option, 'a list of keys, a JSON Web Key Set, or a function that returns one', given);
  return (keys as readonly JsonWebKey[])
    .filter(
      ({ kty, alg, use, kid }) =>
        kty !== 'oct' &&
        kty === KEY_TYPE[algorithm] &&
        (alg ?? algorithm) === algorithm &&
        (use ?? 'sig') === 'sig' &&
        typeof kid === 'string',
    )
    .map((key) => ({ kid: key['kid'] as string, publicKey: key }));
}

function readKey(option: string, algorithm: JwtAlgorithm, key: JwtKey): SigningKey {
  if (!isRecord(key)) mustBe(option, 'an object with a kid and a key', key);
  noOthers(key, ['kid', ...MATERIAL, 'activeAt', 'retiredAt'], `${option}.`);
  const { kid, activeAt = -Infinity, retiredAt = Infinity } = key;
  if (typeof kid !== 'string' || !/^[A-Za-z0-9._-]{1,64}$/.test(kid))
    fail(`${option}.kid`, 'must be 1–64 letters, digits and . _ -');
  for (const instant of [activeAt, retiredAt]) {
    if (typeof instant !== 'number' || Number.isNaN(instant))
      fail(option, `('${kid}') must have instants in milliseconds since 1970 as activeAt and retiredAt`);
  }
  if (activeAt >= retiredAt)
    fail(option, `('${kid}') is retired before it is active: activeAt must be earlier than retiredAt`);
  return { kid, ...readMaterial(`${option} ('${kid}')`, algorithm, key), activeAt, retiredAt };
}

function readMaterial(option: string, algorithm: JwtAlgorithm, key: JwtKey) {
  const [kind, another] = MATERIAL.filter((name) => key[name] !== undefined);
  if (!kind || another) fail(option, `must have exactly one of ${MATERIAL.join(', ')}`);
  if ((kind === 'secret') !== (algorithm === 'HS256'))
    fail(
      option,
      `has a ${kind}, which ${algorithm} cannot use: give ${algorithm === 'HS256' ? 'a secret' : 'a privateKey or publicKey'}`,
    );
  const given = toKeyObject(`${option}.${kind}`, kind, key[kind] as NonNullable<JwtKey[typeof kind]>);
  const [fits, what] = FITS[algorithm];
  if (!fits(given)) fail(`${option}.${kind}`, `must be ${what} for ${algorithm}`);
  if (kind === 'secret') return { signs: given, verifies: given };
  return kind === 'privateKey' ? { signs: given, verifies: createPublicKey(given) } : { verifies: given };
}

function toKeyObject(
  option: string,
  kind: (typeof MATERIAL)[number],
  value: string | Uint8Array | JsonWebKey | KeyObject,
): KeyObject {
  const type = { privateKey: 'private', publicKey: 'public', secret: 'secret' }[kind];
  const key = value instanceof KeyObject ? value : attemptKey(kind, value);
  if (key?.type !== type) fail(option, `cannot be read as a ${type} key`);
  return key;
}

/** `undefined` for what cannot be read. What OpenSSL says of it is not for logs. */
function attemptKey(
  kind: (typeof MATERIAL)[number],
  value: string | Uint8Array | JsonWebKey,
): KeyObject | undefined {
  try {
    if (kind === 'secret') return secretKey(value);
    const read = kind === 'privateKey' ? createPrivateKey : createPublicKey;
    if (typeof value === 'string') return read(value);
    return value instanceof Uint8Array ? undefined : read({ key: value, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** A public key's text as a secret is how an HS256 token gets forged: texts are refused, in bytes, too. */
function secretKey(value: string | Uint8Array | JsonWebKey): KeyObject | undefined {
  if (typeof value === 'string') return undefined;
  if (!(value instanceof Uint8Array))
    return value.kty === 'oct' && typeof value.k === 'string'
      ? createSecretKey(Buffer.from(value.k, 'base64url'))
      : undefined;
  return Buffer.from(value).includes('-----BEGIN') ? undefined : createSecretKey(value);
}
