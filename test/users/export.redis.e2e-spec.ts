import { randomBytes } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  AuditLog,
  OneTimeTokens,
  SessionModule,
  type SessionModuleOptions,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

const keys = (id: string) => ({ keys: [{ id, key: randomBytes(32) }] });
const KEYS = keys('k1');

let server: RedisServer;
const apps: INestApplicationContext[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(async () => {
  for (const app of apps) await app.close();
  await server.stop();
});

async function open(options: SessionModuleOptions): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext(SessionModule.forRoot(options), {
    logger: false,
    abortOnError: false,
  });
  apps.push(app);
  return app;
}

const onRedis = (): SessionModuleOptions => ({ redis: server.url, commandTimeoutMs: PATIENT_MS });

describe.each([
  ['memory', (): SessionModuleOptions => ({ allowMemoryInProduction: true })],
  ['Redis', onRedis],
])('a person on %s', (_, storage) => {
  it('gets everything that is kept about them, and nothing about others', async () => {
    const app = await open({ ...storage(), sessionData: KEYS });
    const [users, sessions, audit] = [app.get(UserStateService), app.get(SessionService), app.get(AuditLog)];
    await users.ensure('ada', { roles: ['user'] });
    const laptop = await sessions.create('ada', { device: { name: 'laptop', ip: '192.0.2.1' } });
    await sessions.data<{ cart: string[] }>(laptop.session).set('cart', ['tea']);
    const phone = await sessions.create('ada', { device: { name: 'phone' } });
    await sessions.revoke('ada', phone.session.id, 'logout');
    await app.get(OneTimeTokens).issue('reset', 'ada', { ttl: '1h', data: 'eve@example.org' });
    await audit.append({ action: 'login', outcome: 'ok', actorId: 'ada', ip: '192.0.2.1' });
    await audit.append({
      action: 'user.unblock',
      outcome: 'ok',
      actorId: 'mia',
      targetId: 'ada',
      ip: '203.0.113.9',
    });
    // Somebody who does not know the password, and may be anybody.
    await audit.append({ action: 'login', outcome: 'denied', targetId: 'ada', ip: '203.0.113.9' });
    await audit.append({ action: 'login', outcome: 'ok', actorId: 'bob', ip: '192.0.2.2' });

    const told = await users.export('ada');
    expect(told).toMatchObject({ userId: 'ada', user: { roles: ['user'], status: 'active' } });
    expect(told.sessions.map(({ device, status, data }) => [device.name, status, data])).toEqual([
      ['phone', 'revoked', undefined],
      ['laptop', 'live', { cart: ['tea'] }],
    ]);
    expect(told.oneTimeTokens.map(({ purpose }) => purpose)).toEqual(['reset']);
    expect(told.audit.next).toBeUndefined();
    expect(told.audit.entries.map(({ action, actorId, ip }) => [action, actorId, ip])).toEqual([
      ['login', undefined, undefined],
      ['user.unblock', 'mia', undefined],
      ['login', 'ada', '192.0.2.1'],
    ]);
    const text = JSON.stringify(told);
    const secrets = [laptop.token, laptop.token.slice(-43), 'eve@example.org', '203.0.113.9', 'bob'];
    for (const secret of secrets) expect(text).not.toContain(secret);

    const first = await users.export('ada', { auditLimit: 1 });
    expect(first.audit.entries).toHaveLength(1);
    const rest = await audit.read({ userId: 'ada', before: first.audit.next ?? '' });
    expect(rest.entries.map(({ action }) => action)).toEqual(['user.unblock', 'login']);
    expect((await users.export('ada', { auditLimit: 0 })).audit.entries).toEqual([]);
    await expect(users.export('ada', { auditLimit: 10_001 })).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('is told what stays after an erasure, and until when', async () => {
    const app = await open({ ...storage(), audit: { retention: '7d' } });
    const [users, sessions] = [app.get(UserStateService), app.get(SessionService)];
    await sessions.create('eve');
    const before = Date.now();
    const report = await users.erase('eve');
    expect(report).toMatchObject({ userId: 'eve', sessions: 1 });
    expect(report.kept.map(({ what }) => what)).toEqual(['audit', 'quotas']);
    expect(report.kept[0]!.until! - before - 7 * 86_400_000).toBeLessThan(5_000);
    expect(await users.export('eve')).toEqual({
      userId: 'eve',
      sessions: [],
      quotas: [],
      oneTimeTokens: [],
      audit: { entries: [] },
    });
  });
});

it('data that does not open is told to be there', async () => {
  const [before, after] = [
    await open({ ...onRedis(), sessionData: KEYS }),
    await open({ ...onRedis(), sessionData: keys('k2') }),
  ];
  await before.get(SessionService).create('mallory', { data: { a: 1 } });
  const { sessions } = await after.get(UserStateService).export('mallory');
  expect(sessions).toMatchObject([{ isDataUnreadable: true, status: 'live' }]);
  expect(sessions[0]).not.toHaveProperty('data');
});
