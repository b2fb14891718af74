import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import {
  checkedUserId,
  isGuestId,
  mintGuestToken,
  mintToken,
  newGuestId,
  newSessionId,
  parseGuestToken,
  parseToken,
  sameHash,
  userRefOf,
} from './session-token.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BASE64URL = /^[A-Za-z0-9_-]+$/;

const minted = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .map((userId) => mintToken({ userRef: userRefOf(userId), sessionId: newSessionId() }));

describe('a session token', () => {
  it('is taken apart into what it was put together from', () => {
    fc.assert(
      fc.property(minted, ({ token, ...parts }) => {
        expect(token).toHaveLength(84);
        expect(parseToken(token)).toEqual(parts);
      }),
    );
  });

  it('has a secret of its own, even for the same session', () => {
    const tokens = Array.from(
      { length: 100 },
      () => mintToken({ userRef: userRefOf('ada'), sessionId: 'A'.repeat(16) }).token,
    );
    expect(new Set(tokens.map((token) => token.slice(-43))).size).toBe(100);
  });

  it('is hashed as a whole, with its type: SHA-256', () => {
    const { token, tokenHash } = mintToken({ userRef: userRefOf('ada'), sessionId: newSessionId() });
    expect(tokenHash).toEqual(createHash('sha256').update(token).digest());
  });

  it('is another token, or none, when any one character is another', () => {
    const character = fc.oneof(
      fc.constantFrom(...ALPHABET),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(minted, fc.nat({ max: 83 }), character, ({ token, tokenHash }, at, other) => {
        fc.pre(token[at] !== other);
        const parsed = parseToken(token.slice(0, at) + other + token.slice(at + 1));
        if (parsed) expect(sameHash(parsed.tokenHash, tokenHash)).toBe(false);
        if (at < 3) expect(parsed).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('is none when it is shorter, longer, decorated or of another shape', () => {
    const { token } = mintToken({ userRef: userRefOf('ada'), sessionId: newSessionId() });
    const malformed = [
      '',
      'lk_',
      token.slice(0, -1),
      `${token}A`,
      ` ${token}`,
      `${token}\n`,
      `\n${token}`,
      `${token}\u0000`,
      `${token},${token}`,
      `"${token}"`,
      token.replace('lk_', 'LK_'),
      token.slice(3),
      `${token.slice(0, -1)}=`,
      `${token.slice(0, -1)}+`,
      `${token.slice(0, -1)}/`,
      `${token.slice(0, -1)}é`,
      'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.',
    ];
    for (const text of malformed) expect(parseToken(text)).toBeUndefined();
  });

  it('is none for anything that is not of its shape', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.constantFrom('', 'lk_'),
        (text, prefix) => {
          const presented = prefix + text;
          const shaped = presented.length === 84 && presented.startsWith('lk_') && BASE64URL.test(presented);
          expect(parseToken(presented) !== undefined).toBe(shaped);
        },
      ),
    );
  });
});

describe("a guest's token", () => {
  const names = { userRef: userRefOf('ada'), sessionId: newSessionId() };

  it('says that it is one, and is hashed with that', () => {
    const { token, ...parts } = mintGuestToken(names);
    expect(token).toMatch(/^lkg_[A-Za-z0-9_-]{81}$/);
    expect(parts).toMatchObject({ ...names, isGuest: true });
    expect(parseToken(token)).toEqual(parts);
    expect(parseGuestToken(token)).toEqual(parts);
    const asUser = parseToken(`lk_${token.slice(4)}`);
    expect(asUser).not.toHaveProperty('isGuest');
    expect(sameHash(asUser!.tokenHash, parts.tokenHash)).toBe(false);
  });

  it.each([
    ['lkg_'],
    [mintToken(names).token],
    [`${mintGuestToken(names).token}A`],
    [''],
    [42],
    [['lkg_']],
    [undefined],
  ])('is not %p', (token) => expect(parseGuestToken(token as string)).toBeUndefined());
});

describe('the id of a guest', () => {
  it('is one that no user may have, each time another', () => {
    const ids = Array.from({ length: 100 }, () => newGuestId());
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) {
      expect(isGuestId(id)).toBe(true);
      expect(() => checkedUserId(id)).toThrow(expect.objectContaining({ code: 'bad_request' }));
      expect(userRefOf(id)).toMatch(/^[A-Za-z0-9_-]{22}$/);
    }
    for (const id of ['guest', 'guest:1', 'Latchkey:guest:1', ' latchkey:guest:1', 'latchkey:guest'])
      expect([isGuestId(id), checkedUserId(id)]).toEqual([false, id]);
  });
});

describe('userRefOf', () => {
  it('is 22 characters of a key, the same for the same user only', () => {
    const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(id, id, (one, other) => {
        expect(userRefOf(one)).toMatch(/^[A-Za-z0-9_-]{22}$/);
        expect(userRefOf(one) === userRefOf(other)).toBe(one === other);
      }),
    );
  });

  it.each([[''], ['x'.repeat(257)], ['\ud800'], ['a\udfff'], [42], [undefined]])(
    'refuses %p as a user id',
    (id) => {
      expect(() => userRefOf(id as string)).toThrow(expect.objectContaining({ code: 'bad_request' }));
    },
  );
});

describe('newSessionId', () => {
  it('is 16 characters, each time others', () => {
    const ids = Array.from({ length: 1_000 }, () => newSessionId());
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{16}$/);
  });
});

describe('sameHash', () => {
  it('is true for equal bytes only, and takes any lengths', () => {
    const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(sameHash(a, b)).toBe(a.equals(b));
        expect(sameHash(a, Buffer.from(a))).toBe(true);
      }),
    );
  });
});
