import { createPublicKey, type KeyObject, sign as signWith } from 'node:crypto';
import type { JwtAlgorithm } from '@latchkey/session/jwt';
import { ALGORITHMS, compact, contentOf, encode, newKey, signatureOf } from './keys.js';

interface Victim {
  readonly algorithm: JwtAlgorithm;
  /** A token that is good. */
  readonly token: string;
  /** The key that signed it. Most forgers would be glad to have it, and fail all the same. */
  readonly key: KeyObject;
  /** The `kid` of another key that is known, and did not sign it. */
  readonly otherKid: string;
}

const REQUIRED = ['iss', 'aud', 'sub', 'sid', 'jti', 'iat', 'nbf', 'exp'];

/** Tokens that must end before the repository is asked, by what is wrong with them. */
export function forgeries(victim: Victim): ReadonlyMap<string, string> {
  return new Map(
    Object.entries({
      ...signatures(victim),
      ...headers(victim),
      ...claims(victim),
      ...spellings(victim),
      ...shapes(victim),
    }),
  );
}

function signatures({ algorithm, token, key, otherKid }: Victim): Record<string, string> {
  const { header, claims: body } = contentOf(token);
  const [head = '', payload = '', signature = ''] = token.split('.');
  const input = `${head}.${payload}`;
  const bytes = Buffer.from(signature, 'base64url');
  const flipped = Buffer.from(bytes);
  flipped[7] = (flipped[7] ?? 0) ^ 1;
  const attacker = newKey(algorithm);
  const forged: Record<string, string> = {
    'no signature': `${input}.`,
    'two parts': input,
    'another key': compact(header, body, { algorithm, key: attacker }),
    'a flipped bit': `${input}.${flipped.toString('base64url')}`,
    'a byte too few': `${input}.${bytes.subarray(0, -1).toString('base64url')}`,
    'a byte too many': `${input}.${Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64url')}`,
    'all zeroes': `${input}.${Buffer.alloc(bytes.length).toString('base64url')}`,
    'all ones': `${input}.${Buffer.alloc(bytes.length, 0xff).toString('base64url')}`,
    'other claims under it': `${head}.${encode({ ...body, sub: 'mallory' })}.${signature}`,
    'another known kid over it': `${encode({ ...header, kid: otherKid })}.${payload}.${signature}`,
    'of the payload alone': `${input}.${signatureOf(algorithm, payload, key).toString('base64url')}`,
  };
  for (const alg of [
    'none',
    'None',
    'NONE',
    'nOnE',
    '',
    algorithm.toLowerCase(),
    'HS512',
    'RS512',
    'PS256',
    'ES384',
  ]) {
    forged[`alg ${alg}, no signature`] = `${encode({ ...header, alg })}.${payload}.`;
    forged[`alg ${alg}, rightly signed`] = compact({ ...header, alg }, body, { algorithm, key });
  }
  for (const alg of [[algorithm], null, 0, {}, true])
    forged[`alg ${JSON.stringify(alg)}`] = compact({ ...header, alg }, body, { algorithm, key });
  for (const other of ALGORITHMS.filter((one) => one !== algorithm))
    forged[`${other}, and a key of that kind`] = compact({ ...header, alg: other }, body, {
      algorithm: other,
      key: newKey(other),
    });
  if (algorithm === 'ES256') {
    const der = signWith('sha256', Buffer.from(input), key);
    forged['in DER'] = `${input}.${der.toString('base64url')}`;
  }
  return algorithm === 'HS256' ? forged : { ...forged, ...confusions({ algorithm, token, key, otherKid }) };
}

/** The public key, which anybody has, as the secret of an HMAC. */
function confusions({ algorithm, token, key }: Victim): Record<string, string> {
  const { header, claims: body } = contentOf(token);
  const publicKey = createPublicKey(key);
  const secrets = {
    PEM: publicKey.export({ type: 'spki', format: 'pem' }),
    'PEM without its last line break': publicKey.export({ type: 'spki', format: 'pem' }).toString().trim(),
    DER: publicKey.export({ type: 'spki', format: 'der' }),
    JWK: JSON.stringify(publicKey.export({ format: 'jwk' })),
  };
  return Object.fromEntries(
    Object.entries(secrets).flatMap(([form, text]) => {
      const hmac = { algorithm: 'HS256', key: Buffer.from(text) };
      return [
        [`HS256 by the public key as ${form}`, compact({ ...header, alg: 'HS256' }, body, hmac)],
        [`an HMAC by the public key as ${form}, called ${algorithm}`, compact(header, body, hmac)],
      ];
    }),
  );
}

function headers({ algorithm, token, key }: Victim): Record<string, string> {
  const { header, claims: body } = contentOf(token);
  const ours = { algorithm, key };
  const attacker = newKey(algorithm);
  const jwk =
    algorithm === 'HS256'
      ? attacker.export({ format: 'jwk' })
      : createPublicKey(attacker).export({ format: 'jwk' });
  const forged: Record<string, string> = {};
  const kids = [
    '', 'unknown', '../../../../../../dev/null', '/dev/null', "x' UNION SELECT 'secret'; --", '__proto__', 'constructor',
    'hasOwnProperty', `${String(header['kid'])}\u0000`, ` ${String(header['kid'])}`, 'https://evil.example/key',
    '$(curl evil.example)', [header['kid']], { kid: header['kid'] }, 0, null, true,
  ]; // prettier-ignore
  for (const kid of kids) {
    forged[`kid ${JSON.stringify(kid)}`] = compact({ ...header, kid }, body, ours);
    forged[`kid ${JSON.stringify(kid)}, an empty secret`] = compact({ ...header, alg: 'HS256', kid }, body, {
      algorithm: 'HS256',
      key: Buffer.alloc(0),
    });
  }
  for (const typ of [
    'JWT',
    'service+jwt',
    'AT+JWT',
    'application/at+jwt',
    'at+jwt ',
    'logout+jwt',
    '',
    ['at+jwt'],
    null,
    1,
  ])
    forged[`typ ${JSON.stringify(typ)}`] = compact({ ...header, typ }, body, ours);
  for (const name of ['alg', 'typ', 'kid']) {
    const { [name]: _, ...rest } = header;
    forged[`without ${name}`] = compact(rest, body, ours);
  }
  const extras: Record<string, unknown> = {
    jwk, jku: 'https://evil.example/jwks.json', x5u: 'https://evil.example/cert.pem', x5c: ['MIIB'], x5t: 'AAAA',
    crit: ['exp'], b64: false, zip: 'DEF', cty: 'JWT', enc: 'A256GCM', epk: jwk, p2c: 1_000_000_000, constructor: 1,
  }; // prettier-ignore
  for (const [name, value] of Object.entries(extras)) {
    const { kid: _, ...withoutKid } = header;
    forged[`${name}, signed by the attacker`] = compact({ ...header, [name]: value }, body, {
      algorithm,
      key: attacker,
    });
    forged[`${name}, signed by us`] = compact({ ...header, [name]: value }, body, ours);
    forged[`${name} in the place of kid`] = compact({ ...withoutKid, [name]: value }, body, {
      algorithm,
      key: attacker,
    });
  }
  forged['crit and b64'] = compact({ ...header, crit: ['b64'], b64: false }, body, ours);
  forged['a member twice'] = compact(`{"alg":"none",${JSON.stringify(header).slice(1)}`, body, ours);
  forged['__proto__ for members'] = compact(
    `{"__proto__":${JSON.stringify(header)},"alg":1,"typ":1}`,
    body,
    ours,
  );
  return forged;
}

function claims({ algorithm, token, key }: Victim): Record<string, string> {
  const { header, claims: body } = contentOf(token);
  const now = Math.floor(Date.now() / 1_000);
  const forged: Record<string, string> = {};
  const put = (what: string, payload: unknown): void => {
    forged[what] = compact(header, payload, { algorithm, key });
  };
  for (const name of REQUIRED) {
    const { [name]: value, ...rest } = body;
    put(`no ${name}`, rest);
    for (const wrong of [null, '', [], [value], {}, true, -1, 1.5, 1e300]) {
      put(`${name} is ${JSON.stringify(wrong)}`, { ...body, [name]: wrong });
    }
    put(`${name} of the other type`, { ...body, [name]: typeof value === 'string' ? 1 : String(value) });
  }
  const [iss, aud, jti] = [String(body['iss']), String(body['aud']), String(body['jti'])];
  put('another iss', { ...body, iss: 'https://evil.example' });
  put('iss with a slash more', { ...body, iss: `${iss}/` });
  put('iss in capitals', { ...body, iss: iss.toUpperCase() });
  put('another aud', { ...body, aud: 'https://other.example' });
  put('several aud, ours among them', { ...body, aud: ['https://other.example', aud] });
  put('aud that only begins like ours', { ...body, aud: `${aud}.evil.example` });
  put('sub of 257 characters', { ...body, sub: 'a'.repeat(257) });
  put('half a character in sub', JSON.stringify({ ...body, sub: 'SUB' }).replace('SUB', '\\ud800'));
  put('sid one short', { ...body, sid: String(body['sid']).slice(1) });
  put('sid with a key in it', { ...body, sid: '{x}:sessions*****' });
  put('jti one short', { ...body, jti: jti.slice(1) });
  put('jti one longer', { ...body, jti: `${jti}A` });
  put('jti with stray bits', { ...body, jti: `${jti.slice(0, -1)}B` });
  put('exp before iat', { ...body, exp: Number(body['iat']) - 1 });
  put('exp before nbf', { ...body, nbf: Number(body['exp']) + 1 });
  put('nbf in an hour', { ...body, nbf: now + 3_600 });
  put('iat in an hour', { ...body, iat: now + 3_600 });
  put('nbf in a minute', { ...body, nbf: now + 60 });
  put('iat in milliseconds', { ...body, iat: Date.now() });
  put('sub twice', `{"sub":"mallory",${JSON.stringify(body).slice(1)}`);
  put('sub twice, the other last', `${JSON.stringify(body).slice(0, -1)},"sub":"mallory"}`);
  put('blanks in the JSON', JSON.stringify(body, null, 1));
  put('a byte order mark', `\ufeff${JSON.stringify(body)}`);
  put('escapes that need not be', JSON.stringify(body).replace('"sub"', '"\\u0073ub"'));
  put(
    'no UTF-8',
    Buffer.concat([
      Buffer.from(JSON.stringify({ ...body, x: '' }).slice(0, -2)),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]),
  );
  put('__proto__', `{"__proto__":${JSON.stringify(body)}}`);
  put('a list', [body]);
  put('a text', JSON.stringify(JSON.stringify(body)));
  put('null', null);
  put('a number', 1);
  put('nothing', '');
  put('no JSON', '{"sub":');
  put('a JWT in the JWT', token);
  return forged;
}

function spellings({ token }: Victim): Record<string, string> {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const last = signature.at(-1) ?? '';
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const next = alphabet[alphabet.indexOf(last) + 1] ?? alphabet[alphabet.indexOf(last) - 1] ?? '';
  return {
    'padding behind the signature': `${token}=`,
    'padding of two': `${token}==`,
    'padding behind the header': `${head}=.${payload}.${signature}`,
    'padding behind the claims': `${head}.${payload}==.${signature}`,
    'another last character': token.slice(0, -1) + next,
    'the other alphabet': `${head}.${payload}.${Buffer.from(signature, 'base64url').toString('base64').replace(/=+$/, '')}+/`,
    'a plus': `${head}.${payload}.+${signature.slice(1)}`,
    'a blank before': ` ${token}`,
    'a blank behind': `${token} `,
    'a line break behind': `${token}\n`,
    'a line break within': `${head}.${payload.slice(0, 8)}\n${payload.slice(8)}.${signature}`,
    'a blank within the signature': `${head}.${payload}.${signature.slice(0, 4)} ${signature.slice(4)}`,
    'a NUL': `${token}\u0000`,
    'a NUL within': `${head}\u0000.${payload}.${signature}`,
    quotes: `"${token}"`,
    'a wide character': `${head}.${payload}.${signature.slice(0, -1)}\uff21`,
    'a percent sign': token.replace('.', '%2E'),
    'a comma': `${token},${token}`,
    'its scheme': `Bearer ${token}`,
    'one character less': token.slice(0, -1),
    'one character more': `${token}A`,
  };
}

function shapes({ algorithm, token, key }: Victim): Record<string, string> {
  const { header, claims: body } = contentOf(token);
  const [head = '', payload = '', signature = ''] = token.split('.');
  return {
    nothing: '',
    'a dot': '.',
    'two dots': '..',
    'four parts': `${token}.${signature}`,
    'five parts, as a JWE has': `${token}.${signature}.${signature}`,
    'an empty header': `.${payload}.${signature}`,
    'empty claims': `${head}..${signature}`,
    'a dot before': `.${token}`,
    'a dot behind': `${token}.`,
    'flattened JSON': JSON.stringify({ protected: head, payload, signature }),
    'general JSON': JSON.stringify({ payload, signatures: [{ protected: head, signature }] }),
    'too long, rightly signed': compact(header, { ...body, extra: 'x'.repeat(4_096) }, { algorithm, key }),
    'a megabyte': `${head}.${payload}.${'A'.repeat(1_048_576)}`,
    'a million dots': '.'.repeat(1_000_000),
    'deep JSON': compact(header, `${'['.repeat(1_500)}${']'.repeat(1_500)}`, { algorithm, key }),
    'its jti as an opaque token': `lk_${'A'.repeat(22)}${String(body['sid'])}${String(body['jti'])}`,
    'its jti alone': String(body['jti']),
    'its sid alone': String(body['sid']),
  };
}
