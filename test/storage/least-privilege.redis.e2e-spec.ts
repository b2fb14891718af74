import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  AuditLog,
  OneTimeTokens,
  IpAllowlists,
  RateLimiter,
  redisClientOptions,
  SessionEvents,
  SessionModule,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { RedisThrottlerStorage } from '@latchkey/session/throttler';
import { Cluster } from 'ioredis';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import type { Client } from '../sample/support/client.js';
import { PASSWORD, Sample } from '../sample/support/sample.js';
import { pageOf, permissionsIn } from '../support/documented-permissions.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

/** What it asks for on a Cluster besides. */
function permissionsOnCluster(): string[] {
  return [...pageOf('redis.md').matchAll(/`(\+cluster\|\w+)`/g)].map(
    ([, permission]) => permission as string,
  );
}

const permissionsOfLibrary = (): string[] => permissionsIn(pageOf('redis.md'));
/** What the sample's own user needs besides. */
const permissionsOfSample = (): string[] => permissionsIn(pageOf('sample.md'), 'app');

let server: RedisServer;
let app: INestApplicationContext | undefined;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(async () => {
  await app?.close();
  await server.stop();
});

describe('a Redis user who may do what the documents say, and nothing else', () => {
  it('is enough for sessions, users, quotas, one-time tokens, events and the audit log', async () => {
    const admin = server.client();
    await admin.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>secret', ...permissionsOfLibrary());
    app = await NestFactory.createApplicationContext(
      SessionModule.forRoot({
        redis: `redis://app:secret@127.0.0.1:${server.port}`,
        commandTimeoutMs: PATIENT_MS,
      }),
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
    await nodes.reportMissed('node');
    await nodes.remove('node');
    expect((await users.export('ada')).user).toMatchObject({ id: 'ada' });
    await users.erase('ada');

    const log = (await admin.call('ACL', 'LOG')) as unknown[];
    expect(log).toEqual([]); // nothing was tried in vain
  });
});

describe('on a Cluster', () => {
  it('is enough, with what the documents ask for there', async () => {
    const cluster = await RedisCluster.start();
    const admins = cluster.nodes.map((node) => node.client());
    const rules = ['reset', 'on', '>secret', ...permissionsOfLibrary(), ...permissionsOnCluster()];
    for (const admin of admins) await admin.call('ACL', 'SETUSER', 'app', ...rules);
    const { enableOfflineQueue: _queue, retryStrategy: _retry, ...nodeOptions } = redisClientOptions();
    const client = new Cluster(
      cluster.nodes.map(({ host, port }) => ({ host, port })),
      { enableOfflineQueue: false, redisOptions: { ...nodeOptions, username: 'app', password: 'secret' } },
    );
    const onCluster = await NestFactory.createApplicationContext(
      SessionModule.forRoot({ redis: client, commandTimeoutMs: 2_000 }),
      { logger: false },
    );
    try {
      await onCluster.get(SessionEvents).on('user.blocked', () => undefined);
      for (const id of ['ada', 'bob', 'eve', 'mia']) {
        await onCluster.get(UserStateService).ensure(id);
        const { token } = await onCluster.get(SessionService).create(id);
        await onCluster.get(SessionService).authenticate(token);
        await onCluster.get(UserStateService).block(id, { reason: 'spam' });
      }
      for (const admin of admins) expect(await admin.call('ACL', 'LOG')).toEqual([]);
    } finally {
      await onCluster.close();
      client.disconnect();
      await cluster.stop();
    }
  }, 60_000);
});

describe('the sample', () => {
  it('has its demo accounts, posts, accounts and acts with what the documents ask for', async () => {
    const admin = server.client();
    await admin.flushall();
    await admin.call('ACL', 'LOG', 'RESET');
    const rules = ['reset', 'on', '>secret', ...permissionsOfLibrary(), ...permissionsOfSample()];
    await admin.call('ACL', 'SETUSER', 'sample', ...rules);
    const sample = await Sample.start({
      env: { REDIS_URL: `redis://sample:secret@127.0.0.1:${server.port}` },
    });
    try {
      const until = performance.now() + 20_000;
      let root: Client | undefined;
      while (!root) {
        try {
          await Promise.all(['alice', 'bob', 'mia'].map((name) => sample.as(name)));
          root = await sample.as('root');
        } catch (error) {
          if (performance.now() > until)
            throw new Error(JSON.stringify(await admin.call('ACL', 'LOG')), { cause: error });
          await sleep(100);
        }
      }
      const newcomer = await sample.newcomer(['user']);
      const moderator = await sample.newcomer(['moderator']);
      const post = await newcomer.post('/posts', { text: 'Hello' });
      await newcomer.get('/posts');
      await newcomer.put('/auth/password', { currentPassword: PASSWORD, newPassword: `${PASSWORD}!` });
      await newcomer.get('/sessions');
      await newcomer.get('/auth/me');
      await sample.anybody().post('/auth/password-reset', { username: newcomer.username });
      await newcomer.post('/auth/email-proof', { email: 'ada@example.org' });
      await moderator.get('/moderation/users');
      await moderator.post(`/moderation/users/${newcomer.userId}/block`, { reason: 'spam' });
      await moderator.get('/moderation/audit');
      const second = await sample.newcomer(['admin']);
      await root.put(`/admin/users/${second.userId}/roles`, { roles: ['user'] });
      await root.get('/admin/users');
      await root.get('/admin/ip-allowlists/admin');
      await moderator.post(`/posts/${post.body.post.id}/like`);
      await moderator.get('/auth/me/export');
      await moderator.delete('/auth/me');
      await sleep(300);
      expect(await admin.call('ACL', 'LOG')).toEqual([]);
    } finally {
      await sample.stop();
    }
  }, 60_000);
});
