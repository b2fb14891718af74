import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  IpAllowlists,
  OneTimeTokens,
  SessionModule,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { RedisServer } from '../support/redis-server.js';

let server: RedisServer;
let app: INestApplicationContext;
let [users, sessions]: [UserStateService, SessionService] = [] as never;
beforeAll(async () => {
  server = await RedisServer.start();
  const options = { redis: server.url, commandTimeoutMs: 2_000 };
  app = await NestFactory.createApplicationContext(SessionModule.forRoot(options), { logger: false });
  [users, sessions] = [app.get(UserStateService), app.get(SessionService)];
});
beforeEach(() => server.client().flushall());
afterAll(async () => {
  await app.close();
  await server.stop();
});

/** Everything in Redis, so that a write that lost is seen to have changed nothing. */
async function everything(): Promise<unknown[]> {
  const redis = server.client();
  const keys = (await redis.keys('*')).sort();
  return Promise.all(keys.map(async (key) => [key, await redis.dumpBuffer(key)]));
}

async function expectLost(write: () => Promise<unknown>, code: string): Promise<void> {
  const before = await everything();
  await expect(write()).rejects.toMatchObject({ code });
  expect(await everything()).toEqual(before);
}

describe('a write that lost says so, and has changed nothing', () => {
  const changes: [string, (ifVersion: number) => Promise<unknown>][] = [
    ['block', (ifVersion) => users.block('ada', { reason: 'spam', ifVersion })],
    ['unblock', (ifVersion) => users.unblock('ada', { ifVersion })],
    ['setRoles', (ifVersion) => users.setRoles('ada', [], { ifVersion })],
    ['setIpAllowlist', (ifVersion) => users.setIpAllowlist('ada', ['::1'], { ifVersion })],
    ['grant', (ifVersion) => users.grant('ada', 'admin', { ifVersion })],
    ['withdraw', (ifVersion) => users.withdraw('ada', 'user', { ifVersion })],
  ];
  it.each(changes)('UserStateService.%s, of a version that is no more', async (_name, change) => {
    const { version } = await users.ensure('ada', { roles: ['user'] });
    await users.grant('ada', 'auditor');
    await expectLost(() => change(version), 'version_conflict');
  });

  it('UserStateService.update, with a source version that is older', async () => {
    await users.update('ada', { roles: ['user'], block: null, sourceVersion: 7 });
    const stale = { roles: [], block: { reason: 'spam' }, sourceVersion: 6 };
    await expectLost(() => users.update('ada', stale), 'version_conflict');
    await expectLost(() => users.update('ada', { ipAllowlist: [], sourceVersion: 6 }), 'version_conflict');
  });

  it('IpAllowlists.set, of a version that is no more', async () => {
    const lists = app.get(IpAllowlists);
    const { version } = await lists.set('office', ['::1']);
    await lists.set('office', ['::2']);
    for (const ifVersion of [version, 'absent'] as const)
      await expectLost(() => lists.set('office', [], { ifVersion }), 'version_conflict');
    await expectLost(() => lists.set('home', [], { ifVersion: version }), 'version_conflict');
  });

  it('SessionDataHandle, of a version or a token that is no more', async () => {
    await users.ensure('ada');
    const { session } = await sessions.create('ada');
    const data = sessions.data<{ a: number }>(session);
    const { version } = await data.set('a', 1);
    await data.set('a', 2);
    const writes = [
      () => data.set('a', 3, { ifVersion: version }),
      () => data.merge({ a: 3 }, { ifVersion: version }),
      () => data.delete('a', { ifVersion: version }),
    ];
    for (const write of writes) await expectLost(write, 'version_conflict');
    await sessions.replaceToken(session);
    for (const write of [() => data.set('a', 3), () => data.increment('a'), () => data.delete('a')])
      await expectLost(write, 'session_revoked');
  });

  it('SessionService, by a session, token or epoch that is no more', async () => {
    const { epoch } = await users.ensure('ada');
    const { session } = await sessions.create('ada');
    const { session: replaced } = await sessions.replaceToken(session);
    await expectLost(() => sessions.replaceToken(session), 'session_revoked');
    await expectLost(() => sessions.revokeAll('ada', { except: session }), 'session_revoked');
    await sessions.replaceToken(replaced, { revokeOthers: true });
    await expectLost(() => sessions.create('ada', { ifEpoch: epoch }), 'epoch_changed');
    await expectLost(() => sessions.replaceToken(replaced, { ifEpoch: epoch }), 'session_revoked');
    expect(await sessions.revoke('ada', 'x'.repeat(16))).toBe(false);
    await expectLost(() => sessions.revokeAll('nobody'), 'user_unknown');
  });

  it('OneTimeTokens, of an epoch that is no more, or used before', async () => {
    const tokens = app.get(OneTimeTokens);
    const { epoch } = await users.ensure('ada');
    const used = await tokens.issue('reset', 'ada', { ttl: '1h' });
    await tokens.consume(used.token, 'reset', { revokeAll: true });
    await expectLost(() => tokens.consume(used.token, 'reset'), 'token_invalid');
    await expectLost(() => tokens.issue('reset', 'ada', { ttl: '1h', ifEpoch: epoch }), 'epoch_changed');
    expect(await tokens.revoke('reset', 'ada')).toBe(0);
  });
});
