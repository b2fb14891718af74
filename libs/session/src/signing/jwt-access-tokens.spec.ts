import { randomBytes } from 'node:crypto';
import { FakeClock } from '../testing/fake-clock.js';
import { OPAQUE_TOKENS } from '../token/access-token.js';
import { newSessionId, userRefOf } from '../token/session-token.js';
import { JwtAccessTokens } from './jwt-access-tokens.js';

const clock = new FakeClock();

async function open(issuer = 'app') {
  const keys = [{ kid: 'a', secret: Buffer.alloc(32, issuer) }];
  const settings = { algorithm: 'HS256', issuer, audience: 'api', keys, clockToleranceMs: 30_000 } as const;
  return JwtAccessTokens.open(settings, { clock, log: () => undefined });
}

describe('a JWT', () => {
  const names = { userRef: userRefOf('ada'), sessionId: newSessionId() };
  const secret = randomBytes(32);

  it('is read as what it was written for, whatever the user id', async () => {
    const tokens = await open();
    for (const userId of ['ada', 'é'.repeat(256), '"\\\u0000\u2028', '{"a":1}', '__proto__', ' ']) {
      const own = { ...names, userRef: userRefOf(userId) };
      const times = { issuedAt: clock.now(), expiresAt: clock.now() + 1_000 };
      const token = await tokens.write({ ...own, ...times, userId, secret });
      expect(await tokens.read(token)).toEqual({ ...own, tokenHash: tokens.hashOf(own, secret) });
      expect(token.length).toBeLessThan(4_096);
      expect(await (await open('other')).read(token)).toBeUndefined();
    }
  });

  it('has a hash that is of its secret, session, user and kind', async () => {
    const tokens = await open();
    const hashes = [
      tokens.hashOf(names, secret),
      tokens.hashOf(names, randomBytes(32)),
      tokens.hashOf({ ...names, sessionId: newSessionId() }, secret),
      tokens.hashOf({ ...names, userRef: userRefOf('eve') }, secret),
      OPAQUE_TOKENS.hashOf(names, secret),
    ];
    expect(new Set(hashes.map((hash) => hash.toString('hex'))).size).toBe(hashes.length);
    expect(tokens.hashOf(names, secret)).toEqual(hashes[0]);
  });

  it('is over by its own time, give or take the tolerance', async () => {
    const tokens = await open();
    const issuedAt = clock.now();
    const token = await tokens.write({
      ...names,
      userId: 'ada',
      secret,
      issuedAt,
      expiresAt: issuedAt + 60_000,
    });
    clock.advance(89_999);
    expect(await tokens.read(token)).not.toHaveProperty('isExpired');
    clock.advance(1);
    expect(await tokens.read(token)).toMatchObject({ ...names, isExpired: true });
  });
});
