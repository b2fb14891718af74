import { createPublicKey, createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionConfigurationError } from '../model/session-error.js';
import { FakeClock } from '../testing/fake-clock.js';
import type { JwtAlgorithm, JwtKey, TrustedKeys } from '../options/jwt-options.js';
import { KeyRing } from './key-ring.js';

const ed = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const weakRsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const secret = randomBytes(32);

let clock: FakeClock;
let log: string[];
beforeEach(() => {
  clock = new FakeClock();
  log = [];
});

function open(keys: TrustedKeys, algorithm: JwtAlgorithm = 'EdDSA', mustSign = true): Promise<KeyRing> {
  return KeyRing.open({ option: 'keys', algorithm, keys, mustSign, clock, log: (line) => log.push(line) });
}
const key = (kid: string, when: Partial<JwtKey> = {}): JwtKey => ({
  kid,
  privateKey: ed.privateKey,
  ...when,
});
const signerOf = async (ring: KeyRing) => (await ring.signer()).kid;
const accepts = async (ring: KeyRing, kid: string) => (await ring.verifier(kid)) !== undefined;

describe('the keys of a ring', () => {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  it.each<[JwtAlgorithm, Omit<JwtKey, 'kid'>]>([
    ['EdDSA', { privateKey: ed.privateKey }],
    ['EdDSA', { privateKey: ed.privateKey.export(pem).toString() }],
    ['EdDSA', { privateKey: ed.privateKey.export({ format: 'jwk' }) }],
    ['ES256', { privateKey: p256.privateKey.export(pem).toString() }],
    ['ES256', { privateKey: p256.privateKey.export({ type: 'sec1', format: 'pem' }).toString() }],
    ['RS256', { privateKey: rsa.privateKey.export({ format: 'jwk' }) }],
    ['HS256', { secret }],
    ['HS256', { secret: createSecretKey(secret) }],
    ['HS256', { secret: { kty: 'oct', k: secret.toString('base64url') } }],
  ])('%s takes %j', async (algorithm, material) => {
    const ring = await open([{ kid: 'a', ...material }], algorithm);
    expect(await signerOf(ring)).toBe('a');
    const keys = await ring.publicKeys();
    expect(keys).toHaveLength(algorithm === 'HS256' ? 0 : 1);
    for (const published of keys) {
      expect(published).toMatchObject({ kid: 'a', alg: algorithm, use: 'sig' });
      expect(Object.keys(published)).not.toContain('d');
    }
  });

  const wrong: Record<string, [JwtAlgorithm, unknown]> = {
    'no keys': ['EdDSA', []],
    'no list': ['EdDSA', 'key'],
    'null': ['EdDSA', null],
    'no key': ['EdDSA', [{ kid: 'a' }]],
    'two keys in one': ['EdDSA', [{ kid: 'a', privateKey: ed.privateKey, publicKey: ed.publicKey }]],
    'no kid': ['EdDSA', [{ privateKey: ed.privateKey }]],
    'a kid with a slash': ['EdDSA', [key('a/b')]],
    'a kid twice': ['EdDSA', [key('a'), key('a')]],
    'an unknown member': ['EdDSA', [{ ...key('a'), retireAt: 1 }]],
    'a date for an instant': ['EdDSA', [{ ...key('a'), retiredAt: new Date() }]],
    'retired before it is active': ['EdDSA', [key('a', { activeAt: 2, retiredAt: 1 })]],
    'only a public key': ['EdDSA', [{ kid: 'a', publicKey: ed.publicKey }]],
    'only a retired one': ['EdDSA', [key('a', { retiredAt: 1 })]],
    'only a later one': ['EdDSA', [key('a', { activeAt: Number.MAX_SAFE_INTEGER })]],
    'a public key as the private one': ['EdDSA', [{ kid: 'a', privateKey: ed.publicKey }]],
    'nonsense': ['EdDSA', [{ kid: 'a', privateKey: 'nonsense' }]],
    'a secret': ['EdDSA', [{ kid: 'a', secret }]],
    'a P-256 key': ['EdDSA', [{ kid: 'a', privateKey: p256.privateKey }]],
    'an Ed25519 key': ['ES256', [key('a')]],
    'a P-384 key': ['ES256', [{ kid: 'a', privateKey: p384.privateKey }]],
    'an RSA key of 1024 bits': ['RS256', [{ kid: 'a', privateKey: weakRsa.privateKey }]],
    'an EC key': ['RS256', [{ kid: 'a', privateKey: p256.privateKey }]],
    'a secret of 31 bytes': ['HS256', [{ kid: 'a', secret: secret.subarray(1) }]],
    'a text as a secret': ['HS256', [{ kid: 'a', secret: 'correct horse battery staple, and more of it' }]],
    'a private key for a secret': ['HS256', [key('a')]],
    'a public key in PEM as a secret': ['HS256', [{ kid: 'a', secret: Buffer.from(rsa.publicKey.export({ type: 'spki', format: 'pem' })) }]],
  }; // prettier-ignore
  it.each(Object.entries(wrong))('are refused: %s', async (_, [algorithm, keys]) => {
    const opening = open(keys as TrustedKeys, algorithm);
    await expect(opening).rejects.toBeInstanceOf(SessionConfigurationError);
    await expect(opening).rejects.toThrow(/^@latchkey\/session: keys/);
    await expect(opening).rejects.not.toThrow(/nonsense|correct horse/);
  });

  it('of others may come as a set, in which keys for other uses are passed over', async () => {
    const jwk = (pair: { publicKey: ReturnType<typeof createPublicKey> }) =>
      pair.publicKey.export({ format: 'jwk' });
    const ring = await open(
      {
        keys: [
          { ...jwk(ed), kid: 'a' },
          { ...jwk(ed), kid: 'enc', use: 'enc' },
          { ...jwk(rsa), kid: 'rsa' },
          { ...jwk(ed), kid: 'other', alg: 'ES256' },
          { kty: 'oct', k: secret.toString('base64url'), kid: 'oct' },
          jwk(ed),
        ],
      },
      'EdDSA',
      false,
    );
    expect((await ring.publicKeys()).map(({ kid }) => kid)).toEqual(['a']);
    await expect(ring.signer()).rejects.toMatchObject({ code: 'session_store_unavailable' });
  });
});

describe('a schedule', () => {
  it('signs with the newest active key and accepts every one until it is retired, to the millisecond', async () => {
    const start = clock.now();
    const ring = await open([
      key('next', { activeAt: start + 60_000 }),
      key('first', { retiredAt: start + 90_000 }),
    ]);
    expect(await signerOf(ring)).toBe('first');
    expect(await accepts(ring, 'next')).toBe(true); // the clock of the node that signs may be ahead of ours
    clock.advance(59_999);
    expect(await signerOf(ring)).toBe('first');
    clock.advance(1);
    expect(await signerOf(ring)).toBe('next');
    clock.advance(29_999);
    expect(await accepts(ring, 'first')).toBe(true);
    expect((await ring.publicKeys()).map(({ kid }) => kid)).toEqual(['next', 'first']);
    clock.advance(1);
    expect(await accepts(ring, 'first')).toBe(false);
    expect((await ring.publicKeys()).map(({ kid }) => kid)).toEqual(['next']);
  });
});

describe('a ring that is fetched', () => {
  let keys: JwtKey[];
  let fetched: number;
  const fetch = (): JwtKey[] => {
    fetched += 1;
    return keys;
  };
  beforeEach(() => {
    keys = [key('a')];
    fetched = 0;
  });

  it('is fetched once a minute at most, however many ask', async () => {
    const ring = await open(fetch);
    await Promise.all(Array.from({ length: 100 }, () => ring.verifier('a')));
    expect(fetched).toBe(1);
    clock.advance('60s');
    await Promise.all(Array.from({ length: 100 }, () => ring.verifier('a')));
    expect(fetched).toBe(2);
  });

  it('has lost a key that was taken out when it is next fetched, for the very request that has it fetched', async () => {
    const ring = await open(fetch);
    keys = [key('b')];
    clock.advance('59s');
    expect(await accepts(ring, 'a')).toBe(true);
    clock.advance('1s');
    expect(await accepts(ring, 'a')).toBe(false);
    expect(await signerOf(ring)).toBe('b');
  });

  it('is fetched for a kid that is not known, but not more than every five seconds', async () => {
    const ring = await open(fetch);
    keys = [key('b', { activeAt: clock.now() }), key('a')];
    clock.advance('5s');
    expect(await accepts(ring, 'b')).toBe(true);
    for (let i = 0; i < 1_000; i++) await ring.verifier(`made-up-${i}`);
    expect(fetched).toBe(2);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('the vault is sealed'))],
    ['gives keys that cannot be used', () => [{ kid: 'a', privateKey: 'nonsense' }]],
    ['gives none that signs', () => []],
  ])('goes on with the keys of before while the fetching %s', async (_, failing) => {
    let source: () => readonly JwtKey[] | Promise<readonly JwtKey[]> = () => [
      key('a'),
      key('old', { retiredAt: clock.now() + 70_000 }),
    ];
    const ring = await open(() => source());
    source = failing;
    clock.advance('60s');
    expect(await signerOf(ring)).toBe('a');
    expect(log).toHaveLength(1);
    expect(await accepts(ring, 'old')).toBe(true);
    clock.advance('10s');
    expect(await accepts(ring, 'old')).toBe(false); // retirement waits for nobody
    source = () => [key('c')];
    clock.advance('5s');
    expect(await signerOf(ring)).toBe('c');
  });

  it('lets nobody wait for a fetching that hangs, nor hangs with it', async () => {
    let source: () => readonly JwtKey[] | Promise<readonly JwtKey[]> = fetch;
    const ring = await open(() => source());
    source = () => new Promise(() => undefined);
    clock.advance('60s');
    const startedAt = performance.now();
    expect(await signerOf(ring)).toBe('a');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    source = () => [key('b')];
    await sleep(10_100); // a fetching is given up after 10 s
    clock.advance('5s');
    expect(await signerOf(ring)).toBe('b');
  });
});
