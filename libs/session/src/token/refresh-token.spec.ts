import { createHash, createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { newRefreshToken, newSalt, parseRefreshToken, successorOf } from './refresh-token.js';
import { mintToken, newSessionId, parseToken, userRefOf } from './session-token.js';

const names = { userRef: userRefOf('ada'), sessionId: newSessionId() };
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

describe('a refresh token', () => {
  it('is taken apart into what it was put together from', () => {
    const minted = newRefreshToken(names);
    expect(minted.token).toMatch(/^lkr_[A-Za-z0-9_-]{124}$/);
    expect(parseRefreshToken(minted.token)).toEqual(minted);
    expect(minted).toMatchObject(names);
  });

  it('has a family and a secret of its own, even for the same session', () => {
    const tokens = Array.from({ length: 100 }, () => newRefreshToken(names).token);
    expect(new Set(tokens.map((token) => token.slice(42, 85))).size).toBe(100);
    expect(new Set(tokens.map((token) => token.slice(85))).size).toBe(100);
  });

  it('is known by two hashes, which cover its type: of its family, and of all of it', () => {
    const { token, familyHash, refreshHash } = newRefreshToken(names);
    expect(familyHash).toEqual(sha256(token.slice(0, 85)));
    expect(refreshHash).toEqual(sha256(token));
  });

  it('is another one, or none, when any one character is another', () => {
    const character = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 });
    const minted = newRefreshToken(names);
    fc.assert(
      fc.property(fc.nat({ max: 127 }), character, (at, other) => {
        fc.pre(minted.token[at] !== other);
        const parsed = parseRefreshToken(minted.token.slice(0, at) + other + minted.token.slice(at + 1));
        if (!parsed) return;
        expect(parsed.refreshHash.equals(minted.refreshHash)).toBe(false);
        expect(parsed.familyHash.equals(minted.familyHash)).toBe(at >= 85);
        expect(at).toBeGreaterThan(3);
      }),
    );
  });

  it('is no access token, nor the other way round', () => {
    const refresh = newRefreshToken(names).token;
    const access = mintToken(names).token;
    expect(parseToken(refresh)).toBeUndefined();
    expect(parseRefreshToken(access)).toBeUndefined();
    for (const text of ['', 'lkr_', refresh.slice(1), `${refresh}A`, ` ${refresh}`, `${refresh}\n`]) {
      expect(parseRefreshToken(text)).toBeUndefined();
    }
  });
});

describe('the successor of a refresh token', () => {
  it('is made of its rotating secret and the salt: HMAC-SHA-256, for each purpose another', () => {
    const presented = newRefreshToken(names);
    const salt = newSalt();
    const secret = Buffer.from(presented.token.slice(85), 'base64url');
    const mac = (what: string): Buffer => createHmac('sha256', secret).update(what).update(salt).digest();
    const { refresh, accessSecret } = successorOf(presented, salt);
    expect(refresh.token).toBe(presented.token.slice(0, 85) + mac('refresh').toString('base64url'));
    expect(refresh.familyHash).toEqual(presented.familyHash);
    expect(accessSecret).toEqual(mac('access'));
  });

  it('is the same for the same salt, another for another, and not to be had from the salt alone', () => {
    const presented = newRefreshToken(names);
    const salt = newSalt();
    expect(successorOf(presented, salt)).toEqual(successorOf(presented, salt));
    const others = [successorOf(presented, newSalt()), successorOf(newRefreshToken(names), salt)];
    for (const other of others) {
      expect(other.refresh.token).not.toBe(successorOf(presented, salt).refresh.token);
      expect(other.accessSecret).not.toEqual(successorOf(presented, salt).accessSecret);
    }
  });
});
