import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IssuedSession, SessionModuleOptions } from '@latchkey/session';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';

let server: RedisServer;
let nodes: SessionsOn[] = [];
const node = (i: number): SessionsOn => nodes[i % nodes.length] as SessionsOn;
const dir = mkdtempSync(join(tmpdir(), 'latchkey-dump-'));

beforeAll(async () => {
  server = await RedisServer.start({ args: ['--dir', dir, '--rdbcompression', 'no'] });
});
afterAll(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});
beforeEach(() => server.client().flushall());
afterEach(() => Promise.all(nodes.splice(0).map((on) => on.close())));

async function start(options: SessionModuleOptions = { refresh: true }): Promise<void> {
  // What is tested here is not how fast a busy machine is.
  nodes = await Promise.all(
    [0, 1].map(() => sessionsOn(server.url, { commandTimeoutMs: 2_000, ...options })),
  );
}

const refresh = (i: number, { refreshToken }: IssuedSession) => node(i).sessions.refresh(refreshToken);
const pairOf = ({ token, refreshToken, expiresAt }: IssuedSession) => `${token} ${refreshToken} ${expiresAt}`;

describe('100 refreshes at once, on two nodes', () => {
  it('of one token give one pair, in each of 20 rounds', async () => {
    await start();
    let issued = await node(0).sessions.create('ada');
    for (let round = 0; round < 20; round++) {
      const all = await Promise.all(Array.from({ length: 100 }, (_, i) => refresh(i, issued)));
      expect(new Set(all.map(pairOf)).size).toBe(1);
      issued = all[0] as IssuedSession;
      await node(round).sessions.authenticate(issued.token);
    }
  });

  it('give JWTs with one jti', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await start({
      refresh: true,
      accessToken: 'jwt',
      jwt: {
        algorithm: 'ES256',
        issuer: 'https://issuer.example',
        audience: 'app',
        keys: [{ kid: 'one', privateKey }],
      },
    });
    const first = await node(0).sessions.create('ada');
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => refresh(i, first)));
    const claims = all.map(({ token }) => String(Buffer.from(token.split('.')[1] ?? '', 'base64url')));
    expect(new Set(claims).size).toBe(1);
    expect(JSON.parse(claims[0] ?? '')).toMatchObject({
      jti: expect.any(String),
      exp: Math.ceil((all[0]?.expiresAt ?? 0) / 1_000),
    });
    expect(new Set(all.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    for (const { token } of all) await node(1).sessions.authenticate(token);
    await expect(node(1).sessions.authenticate(first.token)).resolves.toMatchObject({ user: { id: 'ada' } });
  });

  it('of one used before: the session ends once, and nobody has tokens that are good', async () => {
    await start({ refresh: { grace: 0 } });
    const first = await node(0).sessions.create('ada');
    const all = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => refresh(i, first)));
    const served = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const refused = all.flatMap((one) => (one.status === 'rejected' ? [one.reason as object] : []));
    expect(served).toHaveLength(1);
    expect(refused.filter((reason) => 'reused' in reason && reason.reused !== undefined)).toHaveLength(1);
    for (const reason of refused) expect(reason).toMatchObject({ code: 'session_revoked' });
    await expect(node(1).sessions.authenticate(served[0]?.token)).rejects.toMatchObject({
      code: 'session_revoked',
    });
  });

  it('against a logout: whatever they got is dead when it has resolved', async () => {
    await start();
    for (let round = 0; round < 100; round++) {
      const first = await node(0).sessions.create('ada');
      const refreshes = Array.from({ length: 6 }, (_, i) => refresh(i, first).catch(() => undefined));
      await node(1).sessions.revoke('ada', first.session.id, 'logout');
      const got = (await Promise.all(refreshes)).filter((issued) => issued !== undefined);
      for (const { token } of [first, ...got]) {
        await expect(node(0).sessions.authenticate(token)).rejects.toMatchObject({ code: 'session_revoked' });
      }
    }
  });
});

describe('Redis that gives no answer in the middle of a refresh', () => {
  it('has done it or not; the same token again gets the pair, whichever', async () => {
    await start({ refresh: true, commandTimeoutMs: 150 });
    for (let round = 0; round < 3; round++) {
      const first = await node(0).sessions.create('ada');
      server.freeze();
      // The calls are in Redis's socket by now: it will carry them out, and nobody waits for the replies.
      const lost = await Promise.allSettled([refresh(0, first), refresh(1, first)]);
      for (const one of lost) {
        expect(one).toMatchObject({ status: 'rejected', reason: { code: 'session_store_unavailable' } });
      }
      server.thaw();
      const again = await untilServed(() => refresh(0, first));
      const other = await untilServed(() => refresh(1, first));
      expect(pairOf(other)).toBe(pairOf(again));
      await untilServed(() => node(1).sessions.authenticate(again.token));
      await untilServed(() => refresh(1, again));
    }
  });
});

async function untilServed<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if ((error as { code?: string }).code !== 'session_store_unavailable' || performance.now() > deadline)
        throw error;
      await sleep(20);
    }
  }
}

describe('in Redis', () => {
  it('there is nothing of a refresh token, in no form, on its disk', async () => {
    await start();
    const secrets: string[] = [];
    const keep = ({ token, refreshToken = '' }: IssuedSession): void => {
      secrets.push(token.slice(-43), refreshToken.slice(42, 85), refreshToken.slice(85));
    };
    for (let i = 0; i < 20; i++) {
      let issued = await node(0).sessions.create(`user-${i}`, { device: { name: 'laptop' } });
      keep(issued);
      for (let generation = 0; generation < i % 4; generation++) {
        issued = await refresh(generation, issued);
        keep(issued);
      }
      if (i % 5 === 0)
        keep(
          await node(0).sessions.replaceToken((await node(0).sessions.authenticate(issued.token)).session),
        );
      if (i % 7 === 0) await refresh(0, issued).catch(() => undefined);
    }
    await server.client().save();
    const dump = readFileSync(join(dir, 'dump.rdb'));
    expect(dump.includes('laptop')).toBe(true); // it is the right file, and readable
    for (const secret of secrets) {
      expect(secret).toHaveLength(43);
      expect(dump.includes(secret)).toBe(false);
      expect(dump.includes(secret.slice(0, 20))).toBe(false);
      expect(dump.includes(Buffer.from(secret, 'base64url'))).toBe(false);
      expect(dump.includes(Buffer.from(secret, 'base64url').toString('hex'))).toBe(false);
    }
  });

  it('a salt goes when the successor is used, and else with the first request after the grace', async () => {
    await start({ refresh: { grace: 200 } });
    const admin = server.client();
    const rotation = async (): Promise<Buffer | null> => {
      const [key = ''] = await admin.keys('lk:*:user');
      return admin.hgetBuffer(key, `${first.session.id}:g`);
    };
    const first = await node(0).sessions.create('ada');
    expect(await rotation()).toHaveLength(6);
    const second = await refresh(0, first);
    const salted = await rotation();
    expect(salted).toHaveLength(62);
    const third = await refresh(0, second);
    expect((await rotation())?.subarray(46)).not.toEqual(salted?.subarray(46));
    await node(1).sessions.authenticate(third.token);
    expect(await rotation()).toHaveLength(62);
    await sleep(250);
    await node(1).sessions.authenticate(third.token);
    expect(await rotation()).toHaveLength(6);
  });

  it('sessions with refresh tokens keep the compact encoding', async () => {
    await start();
    const admin = server.client();
    let issued = await node(0).sessions.create('ada', {
      device: { name: 'x'.repeat(12), userAgent: 'y'.repeat(20) },
    });
    for (let i = 0; i < 3; i++) issued = await refresh(i, issued);
    const { session } = await node(0).sessions.authenticate(issued.token);
    await refresh(0, await node(0).sessions.replaceToken(session));
    const [key = ''] = await admin.keys('lk:*:user');
    const suffixes = (await admin.hkeys(key))
      .filter((field) => field.startsWith(session.id))
      .map((field) => field.slice(session.id.length));
    expect(suffixes.sort()).toEqual(['', ':d', ':f', ':g', ':p', ':r']);
    for (const value of Object.values(await admin.hgetallBuffer(key)))
      expect(value.length).toBeLessThanOrEqual(64);
    expect(await admin.object('ENCODING', key)).toBe('listpack');
  });

  it('a refresh is one call, and a request of such a session one, too', async () => {
    await start();
    const first = await node(0).sessions.create('ada');
    let issued = await refresh(0, first);
    await node(0).sessions.authenticate(issued.token); // Redis knows the scripts from here on
    const admin = server.client();
    const callsOf = async (act: () => Promise<unknown>): Promise<string[]> => {
      await admin.config('RESETSTAT');
      await act();
      const stats = await admin.info('commandstats');
      return [...stats.matchAll(/^cmdstat_(eval\w*):calls=(\d+)/gm)].map(
        ([, name, calls]) => `${name} ${calls}`,
      );
    };
    expect(await callsOf(async () => (issued = await refresh(0, issued)))).toEqual(['evalsha 1']);
    expect(await callsOf(() => node(0).sessions.authenticate(issued.token))).toEqual(['evalsha 1']);
    // What cannot be a token never gets there.
    const malformed = () =>
      node(0)
        .sessions.refresh(`${issued.refreshToken}x`)
        .catch(() => undefined);
    expect(await callsOf(malformed)).toEqual([]);
  });
});
