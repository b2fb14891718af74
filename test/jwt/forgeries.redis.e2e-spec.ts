import type { KeyObject } from 'node:crypto';
import type { SessionModuleOptions } from '@latchkey/session';
import type { JwtAlgorithm } from '@latchkey/session/jwt';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';
import { RedisServer } from '../support/redis-server.js';
import { Commands } from './support/commands.js';
import { forgeries } from './support/forgeries.js';
import { ALGORITHMS, compact, contentOf, newKey, ringKey } from './support/keys.js';

const ISSUER = 'https://app.example';
const AUDIENCE = 'https://api.example';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

describe.each(ALGORITHMS)('access tokens signed by %s', (algorithm: JwtAlgorithm) => {
  let key: KeyObject;
  let on: SessionsOn;
  let commands: Commands;

  beforeAll(async () => {
    key = newKey(algorithm);
    const jwt: SessionModuleOptions['jwt'] = {
      algorithm,
      issuer: ISSUER,
      audience: AUDIENCE,
      keys: [
        ringKey('2026-11', key),
        ringKey('2026-12', newKey(algorithm), { activeAt: Date.now() + 3_600_000 }),
      ],
    };
    on = await sessionsOn(server.url, { keyPrefix: algorithm, accessToken: 'jwt', jwt });
    commands = await Commands.on(server);
    await on.users.ensure('ada', { roles: ['user', 'admin'] });
    await on.users.ensure('eve', { roles: ['user'] });
  });
  afterAll(async () => {
    commands.close();
    await on.close();
  });

  /** A good token, and one like it whose content is what `change` makes of it, signed as rightly. */
  async function signedLike(change: (claims: Record<string, unknown>) => Record<string, unknown>) {
    const issued = await on.sessions.create('ada');
    const { header, claims } = contentOf(issued.token);
    return { issued, token: compact(header, change(claims), { algorithm, key }) };
  }

  const denialOf = async (token: string) => {
    const decision = await on.sessions.decide(token);
    return decision.permit ? 'permitted' : decision.reason;
  };

  it('say who issued them for whom, and no role', async () => {
    const { token, session } = await on.sessions.create('ada');
    const { header, claims } = contentOf(token);
    expect(header).toEqual({ alg: algorithm, typ: 'at+jwt', kid: '2026-11' });
    expect(claims).toEqual({
      iss: ISSUER,
      aud: AUDIENCE,
      sub: 'ada',
      sid: session.id,
      jti: expect.stringMatching(/^[\w-]{43}$/),
      iat: Math.floor(session.createdAt / 1_000),
      nbf: Math.floor(session.createdAt / 1_000),
      exp: Math.ceil(session.absoluteExpiresAt / 1_000),
    });
  });

  it('are refused without a Redis call when anything about them is forged', async () => {
    const { issued, token } = await signedLike((claims) => claims);
    expect(await denialOf(token)).toBe('permitted'); // so that what is refused below, is for the change alone
    expect(await denialOf(issued.token)).toBe('permitted');
    await commands.since();

    const table = forgeries({ algorithm, token, key, otherKid: '2026-12' });
    const let_in: string[] = [];
    for (const [what, forged] of table) {
      const denial = await denialOf(forged);
      const sent = await on.sessions.parse(forged);
      if (denial !== 'session_invalid' || sent !== undefined) let_in.push(`${what}: ${denial}`);
    }
    expect(let_in).toEqual([]);
    expect(await commands.since()).toEqual([]);
    expect(table.size).toBeGreaterThan(200);
    expect(await denialOf(token)).toBe('permitted');
    expect(await commands.since()).toEqual(['EVALSHA']); // and a good one is one call
  }, 60_000);

  it('are refused by the check when they are rightly signed for a session that is not theirs', async () => {
    const other = await on.sessions.create('ada');
    const others: Record<string, Record<string, unknown>> = {
      'another user': { sub: 'eve' },
      'another session of the user': { sid: other.session.id },
      'another secret': { jti: contentOf(other.token).claims['jti'] },
      'a made-up secret': { jti: 'A'.repeat(43) },
      'a session that never was': { sid: 'A'.repeat(16) },
    };
    for (const [what, change] of Object.entries(others)) {
      const { token } = await signedLike((claims) => ({ ...claims, ...change }));
      await commands.since();
      expect([what, await denialOf(token)]).toEqual([what, 'session_invalid']);
      expect(await commands.since()).toEqual(['EVALSHA']);
    }
  });

  it('that are over, and were ours, are told from forged ones, and count for nothing', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const times = { iat: now - 7_200, nbf: now - 7_200, exp: now - 3_600 };
    const { issued, token } = await signedLike((claims) => ({ ...claims, ...times }));
    await commands.since();
    expect(await denialOf(token)).toBe('session_expired');
    expect(await commands.since()).toEqual(['EVALSHA']);

    const { token: forged } = await signedLike((claims) => ({ ...claims, ...times, jti: 'A'.repeat(43) }));
    expect(await denialOf(forged)).toBe('session_invalid');

    const logout = await on.sessions.decide(token, { roleGroups: [], allowExpired: true, withData: true });
    expect(logout).toMatchObject({ permit: true, session: { id: issued.session.id } });
    if (!logout.permit) return;
    await expect(on.sessions.replaceToken(logout.session)).rejects.toMatchObject({ code: 'session_expired' });
    expect(() => on.sessions.data(logout.session)).toThrow(
      expect.objectContaining({ code: 'session_expired' }),
    );
    await on.sessions.revoke('ada', logout.session.id, 'logout');
    expect(await denialOf(token)).toBe('session_revoked');
    expect(await denialOf(issued.token)).toBe('session_revoked');
  });
});
