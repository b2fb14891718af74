import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  CurrentUser,
  IpAllowlist,
  IpAllowlists,
  FreshState,
  Passive,
  RateLimit,
  Roles,
  SessionData,
  SessionModule,
  type SessionModuleOptions,
  SessionService,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

const LEASE_MS = 1_000;
/** Before that a process keeps nothing, and a margin. */
const FIRST_WAIT_MS = 1_300;

@Controller()
class Handlers {
  @Get('plain') plain(@CurrentUser() user: UserState) {
    const roles = [...user.roles];
    (user.roles as string[]).push('admin'); // what a handler does to its copy
    return { roles };
  }
  @FreshState() @Get('fresh') fresh() {}
  @RateLimit({ name: 'n', quota: 1_000, window: '1m', by: 'user' }) @Get('counted') counted() {}
  @RateLimit({ name: 'b', quota: 100, window: '1h', by: 'user', batch: 10 }) @Get('batched') batched() {}
  @RateLimit({ name: 'r', quota: 20, window: 400, by: 'session', batch: 10 }) @Get('refilled') refilled() {}
  @Get('data') data(@SessionData() data: unknown) {
    return { data: typeof data };
  }
  @IpAllowlist('office') @Get('office') office() {}
  @Passive() @Get('passive') passive() {}
  @Roles('admin') @Get('admin') admin() {}
}

let server: RedisServer;
const running: INestApplication[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
});
afterAll(() => server.stop());

/** A node that keeps answers does so when `start` resolves, unless it is to keep its first moments. */
async function start(options: SessionModuleOptions, { isReady = true } = {}) {
  @Module({
    imports: [
      SessionModule.forRoot({
        redis: server.url,
        guard: 'global',
        commandTimeoutMs: PATIENT_MS,
        ...options,
      }),
    ],
    controllers: [Handlers],
  })
  class App {}
  const testing = await Test.createTestingModule({ imports: [App] }).compile();
  const app = testing.createNestApplication({ logger: false });
  running.push(app);
  await app.listen(0, '127.0.0.1');
  if (options.nearCache && isReady) await sleep(FIRST_WAIT_MS);
  const http = request(await app.getUrl());
  const asRedis = jest.spyOn(
    app.get<{ readonly inner: { authenticate: () => unknown } }>(SESSION_REPOSITORY, { strict: false }).inner,
    'authenticate',
  );
  return {
    sessions: app.get(SessionService),
    lists: app.get(IpAllowlists),
    users: app.get(UserStateService),
    /** How many of so many requests were asked of Redis. */
    async asked(path: string, token: string, times = 5): Promise<number> {
      await http.get('/plain').set('authorization', `Bearer ${token}`);
      asRedis.mockClear();
      for (let i = 0; i < times; i++) await http.get(path).set('authorization', `Bearer ${token}`);
      return asRedis.mock.calls.length;
    },
    async get(path: string, token: string) {
      return http.get(path).set('authorization', `Bearer ${token}`);
    },
  };
}

/** How many scripts have read keys so far: no other script reads what this one does. */
async function listReads(): Promise<number> {
  const stats = await server.client().info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]);
}

const near = { leaseMs: LEASE_MS, maxEntries: 100 };

describe('a near cache', () => {
  it('answers what it may, and asks Redis for the rest', async () => {
    const node = await start({ nearCache: near });
    const { token } = await node.sessions.create('ada');
    await sleep(LEASE_MS); // the record is older than a lease: acts need not wait
    expect(await node.asked('/plain', token)).toBe(0);
    expect(await node.asked('/passive', token)).toBe(0);
    expect(await node.asked('/fresh', token)).toBe(5);
    expect(await node.asked('/counted', token)).toBe(5);
    expect(await node.asked('/data', token)).toBe(5);
    // A denial by what is kept is one: nothing is asked for it.
    expect((await node.get('/admin', token)).status).toBe(403);
    expect((await node.get('/plain', token)).body).toEqual({ roles: [] });
    expect((await node.get('/plain', 'x'.repeat(token.length))).status).toBe(401);
  });

  it('asks Redis when a request is to be written down, and ends a session to the millisecond', async () => {
    const node = await start({
      nearCache: near,
      touchInterval: 60_000,
      lifetime: { inactivityTimeout: 4_000, absoluteTimeout: '1h' },
    });
    const { token, session } = await node.sessions.create('eve');
    expect(await node.asked('/passive', token)).toBe(0);
    const before = await node.sessions.list('eve');
    await sleep(220); // a twentieth of the timeout, and more; the next one is that far away
    expect(await node.asked('/plain', token, 1)).toBe(0); // the request before it was written down
    const [after] = await node.sessions.list('eve');
    expect(after?.lastSeenAt).toBeGreaterThan(before[0]?.lastSeenAt ?? Infinity);
    await sleep((after?.expiresAt ?? 0) - Date.now() - 300);
    for (;;) {
      const sentAt = Date.now();
      const { status } = await node.get('/passive', token);
      if (status === 200 && sentAt > (after?.expiresAt ?? 0) + 5) throw new Error(`${sentAt} is too late`);
      if (status !== 200) break;
    }
    expect(Date.now()).toBeGreaterThanOrEqual(session.expiresAt);
  });

  it('takes quotas by batches: beyond the burst and the rate by what nodes still have', async () => {
    const nodes = [await start({ nearCache: near }), await start({ nearCache: near })];
    const [one, other] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
    const { token } = await one.sessions.create('flo');
    expect(await one.asked('/batched', token, 10)).toBe(1);
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, i) => nodes[i % 2]!.get('/batched', token)),
    );
    const allowed = answers.filter(({ status }) => status === 200);
    // What is left of a batch on a node that is asked no more is not used.
    expect(allowed.length).toBeLessThanOrEqual(90);
    expect(allowed.length).toBeGreaterThanOrEqual(90 - 2 * 9);
    const remaining = allowed.map(({ headers }) => Number(/;r=(\d+)/.exec(headers['ratelimit'] ?? '')?.[1]));
    expect(Math.min(...remaining)).toBeLessThan(20);
    expect(
      answers.every(({ status, headers }) => status === 200 || headers['retry-after'] !== undefined),
    ).toBe(true);

    for (const node of nodes) await node.get('/refilled', token); // 9 of a batch are left on each
    await sleep(450);
    let more = 0;
    const startedAt = performance.now();
    for (let i = 0; i < 30; i++) {
      const served = await Promise.all([one, other].map((node) => node.get('/refilled', token)));
      more += served.filter(({ status }) => status === 200).length;
    }
    const refilled = Math.ceil((performance.now() - startedAt) / 20);
    expect(more).toBeGreaterThan(20);
    expect(more).toBeLessThanOrEqual(20 + 2 * 9 + refilled);
  });

  it('keeps named lists too, and who changes one waits for that', async () => {
    const node = await start({ nearCache: near });
    const worker = await start({});
    await worker.lists.set('office', ['127.0.0.1']);
    const { token } = await node.sessions.create('gil');
    await sleep(LEASE_MS);
    expect((await node.get('/office', token)).status).toBe(200);
    const readsBefore = await listReads();
    for (let i = 0; i < 5; i++) expect((await node.get('/office', token)).status).toBe(200);
    expect((await listReads()) - readsBefore).toBeLessThan(3); // the node says now and then that it is there
    await server.client().call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await worker.lists.set('office', ['10.0.0.1']);
    expect((await node.get('/office', token)).status).toBe(403);
  });

  it('is waited for by a process that has none, which has met the server at its start', async () => {
    const node = await start({ nearCache: near });
    const worker = await start({});
    const { token } = await node.sessions.create('bob');
    await sleep(LEASE_MS + 300); // and a margin for clocks
    await node.get('/plain', token);
    const startedAt = performance.now();
    await worker.users.setRoles('bob', ['user']);
    expect(performance.now() - startedAt).toBeLessThan(LEASE_MS / 2); // the lease is given back
    for (const act of [
      () => worker.users.setRoles('bob', ['admin']),
      () => worker.users.setRoles('bob', []),
      () => worker.users.block('bob', { reason: 'spam' }),
    ]) {
      await node.get('/plain', token);
      await server.client().call('CLIENT', 'KILL', 'TYPE', 'pubsub'); // the node hears of nothing for a moment
      await act();
      const { body, status } = await node.get('/plain', token);
      const { roles, status: standing } = (await worker.users.get('bob')) ?? {};
      expect([status, body.roles]).toEqual(standing === 'blocked' ? [403, undefined] : [200, roles]);
    }
  });

  it.each(['the first', 'the next'])(
    'keeps nothing before everybody could know of it: %s of them',
    async () => {
      const node = await start({ nearCache: near }, { isReady: false });
      const { token } = await node.sessions.create('cid');
      expect(await node.asked('/plain', token)).toBe(5);
      await sleep(FIRST_WAIT_MS);
      expect(await node.asked('/plain', token)).toBe(0);
    },
  );
});
