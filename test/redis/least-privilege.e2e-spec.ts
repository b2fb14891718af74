import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  AuditLog,
  OneTimeTokens,
  IpAllowlists,
  RateLimiter,
  SessionEvents,
  SessionModule,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { RedisThrottlerStorage } from '@latchkey/session/throttler';
import type { SessionRepository } from '../../libs/session/src/repository/session-repository.js';
import { SESSION_REPOSITORY } from '../../libs/session/src/session.injection-keys.js';
import { RedisServer } from '../support/redis-server.js';

/** The permissions that the README asks for, as ACL SETUSER takes them. */
function permissionsInReadme(): string[] {
  const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');
  const block = /^```\n(~lk:\*[^]*?)^```$/m.exec(readme)?.[1];
  if (!block) throw new Error('The README does not say what the Redis user needs');
  return block.trim().split(/\s+/);
}

let server: RedisServer;
let app: INestApplicationContext | undefined;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(async () => {
  await app?.close();
  await server.stop();
});

describe('a Redis user who may do what the README says, and nothing else', () => {
  it('is enough for sessions, users, quotas, one-time tokens, events and the audit log', async () => {
    const admin = server.client();
    await admin.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>secret', ...permissionsInReadme());
    app = await NestFactory.createApplicationContext(
      SessionModule.forRoot({ redis: `redis://app:secret@127.0.0.1:${server.port}` }),
      { logger: false },
    );
    const [sessions, users] = [app.get(SessionService), app.get(UserStateService)];
    const events = app.get(SessionEvents);
    const blocked = new Promise((resolve) => {
      void events.on('user.blocked', resolve);
    });

    await users.ensure('ada', { roles: ['user'] });
    const { token } = await sessions.create('ada');
    const { session } = await sessions.authenticate(token);
    const replaced = await sessions.replaceToken(session, { revokeOthers: true });
    await sessions.list('ada');
    await sessions.revoke('ada', replaced.session.id);
    await sessions.revokeAll('ada');
    const oneTime = app.get(OneTimeTokens);
    const once = await oneTime.issue('email-proof', 'ada', { ttl: '1h' });
    await oneTime.consume(once.token, 'email-proof', { revokeAll: true });
    await oneTime.revoke('email-proof', 'ada');
    const lists = app.get(IpAllowlists);
    await lists.set('office', ['::1']);
    expect((await lists.get('office'))?.cidrs).toEqual(['::1']);
    for (const list of [['::1'], null]) await users.setIpAllowlist('ada', list);
    await app.get(RateLimiter).consume({ name: 'mails', quota: 1, window: '1h' }, 'ada');
    await RedisThrottlerStorage.beside(app.get(RateLimiter)).increment('ada', 50, 1, 50, 'default');
    await app
      .get(AuditLog)
      .record({ action: 'user.block', targetId: 'ada' }, () => users.block('ada', { reason: 'spam' }));
    expect((await app.get(AuditLog).read()).entries).toHaveLength(1);
    await blocked;
    const { nodes } = app.get<SessionRepository>(SESSION_REPOSITORY, { strict: false });
    await nodes.register('node');
    await nodes.confirm('node', { userRef: 'ref', version: 1 }, 1);
    await nodes.confirmations({ userRef: 'ref', version: 1 });
    await nodes.miss('node');
    await nodes.remove('node');
    await users.erase('ada');

    const log = (await admin.call('ACL', 'LOG')) as unknown[];
    expect(log).toEqual([]); // nothing was tried in vain
  });
});
