import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import {
  CurrentSession,
  type Session,
  SessionData,
  SessionModule,
  type SessionModuleOptions,
  SessionService,
} from '@latchkey/session';
import type { Redis } from 'ioredis';
import request from 'supertest';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';
import { DEFAULT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

const SECRET = 'my-card-4111-1111';
const newKey = (id: string) => ({ id, key: randomBytes(32) });
type Keys = NonNullable<NonNullable<SessionModuleOptions['sessionData']>['keys']>;

let server: RedisServer;
let raw: Redis;
const opened: SessionsOn[] = [];

beforeEach(async () => {
  server = await RedisServer.start({ args: ['--rdbcompression', 'no'] });
  raw = server.client();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((on) => on.close()));
  await server.stop();
});

async function open(options: SessionModuleOptions = {}): Promise<SessionsOn> {
  const on = await sessionsOn(server.url, options);
  opened.push(on);
  return on;
}

const sealedBy = (keys: Keys, acceptPlain = false) => open({ sessionData: { keys, acceptPlain } });
const dataKeys = async () => raw.keys('lk:*:data');
const dataKeyOf = async (): Promise<string> => (await dataKeys())[0] ?? '';
const UNAVAILABLE = { code: 'session_store_unavailable', statusCode: 503 };

describe('what is kept in Redis', () => {
  it('is nothing more for sessions without data', async () => {
    const on = await open();
    const { token, session } = await on.sessions.create('ada');
    await on.sessions.authenticate(token, { roleGroups: [], withData: true });
    expect(await on.sessions.data(session).get()).toEqual({});
    await on.sessions.replaceToken(session);
    const names = (await raw.keys('*')).map((key) => key.split(':').at(-1));
    expect(new Set(names)).toEqual(new Set(['user']));
  });

  it('goes with its session: logged out, evicted, erased, or at the next login', async () => {
    const on = await open({
      maxSessionsPerUser: 2,
      roleLifetimes: { brief: { inactivityTimeout: 0, absoluteTimeout: 50 } },
    });
    const login = () => on.sessions.create('ada', { data: { SECRET } });
    const kept = async () => (await raw.hkeys(await dataKeyOf())).sort();
    const [one, two] = [await login(), (await sleep(5), await login())];
    expect(await kept()).toEqual([one.session.id, two.session.id].sort());
    const three = await login();
    expect(await kept()).toEqual([two.session.id, three.session.id].sort());
    await on.sessions.revoke('ada', two.session.id);
    expect(await kept()).toEqual([three.session.id]);

    await on.sessions.revokeAll('ada');
    const four = await login();
    expect(await kept()).toEqual([four.session.id]);
    await on.users.setRoles('ada', ['brief']);
    await sleep(60);
    await expect(on.sessions.authenticate(four.token)).rejects.toMatchObject({ code: 'session_expired' });
    await on.users.setRoles('ada', []);
    const five = await login();
    expect(await kept()).toEqual([five.session.id]);
    await on.users.erase('ada');
    expect(await raw.keys('*')).toEqual([]);
  });

  it('goes by itself when no session with data can be live', async () => {
    const on = await open({ lifetime: { inactivityTimeout: '1h', absoluteTimeout: '2h' } });
    const endsAt = async () => raw.pexpiretime(await dataKeyOf());
    const { session } = await on.sessions.create('ada', { data: {} });
    expect(await endsAt()).toBe(session.absoluteExpiresAt);
    await sleep(5);
    const replaced = await on.sessions.replaceToken(session);
    expect(replaced.session.absoluteExpiresAt).toBeGreaterThan(session.absoluteExpiresAt);
    expect(await endsAt()).toBe(replaced.session.absoluteExpiresAt);
  });
});

describe('a guarded request', () => {
  @Controller()
  class C {
    @Get('with')
    with(@SessionData('a') a: unknown) {
      return { a };
    }

    @Get('without')
    without(@CurrentSession() { userId }: Session) {
      return { userId };
    }
  }

  it('reads the data in its one call, and where no handler asks for it not at all', async () => {
    @Module({
      imports: [
        SessionModule.forRoot({ redis: server.url, guard: 'global', sessionData: { keys: [newKey('k')] } }),
      ],
      controllers: [C],
    })
    class App {}
    const app = await NestFactory.create<NestExpressApplication>(App, { logger: false });
    await app.init();
    const { token } = await app.get(SessionService).create('ada', { data: { a: 1 } });
    const ask = async (path: string) => {
      const { body } = await request(app.getHttpServer())
        .get(path)
        .auth(token, { type: 'bearer' })
        .expect(200);
      return body as object;
    };
    await ask('/with'); // Redis knows the script from here on

    const monitor = await server.client().monitor();
    const seen: { sent: string[]; read: string[] } = { sent: [], read: [] };
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (source !== 'lua') seen.sent.push(String(args[0]).toUpperCase());
      else if (args[1]?.endsWith(':data')) seen.read.push(String(args[0]).toUpperCase());
    });
    const watch = async (path: string) => {
      Object.assign(seen, { sent: [], read: [] });
      const body = await ask(path);
      await sleep(100);
      return { body, ...seen };
    };
    await sleep(20);
    expect(await watch('/with')).toEqual({ body: { a: 1 }, sent: ['EVALSHA'], read: ['HGET'] });
    expect(await watch('/without')).toEqual({ body: { userId: 'ada' }, sent: ['EVALSHA'], read: [] });
    monitor.disconnect();
    await app.close();
  });
});

describe('a Redis that is full', () => {
  it('still reads and deletes data, and writes none', async () => {
    const on = await open();
    const { token, session } = await on.sessions.create('ada', { data: { a: 1 } });
    const empty = await on.sessions.create('bob');
    await raw.config('SET', 'maxmemory', '1');
    const data = on.sessions.data<{ a: number }>(session);
    expect((await data.read()).data).toEqual({ a: 1 });
    const checked = await on.sessions.authenticate(token, { roleGroups: [], withData: true });
    expect(await on.sessions.data(checked.session).get()).toEqual({ a: 1 });
    await expect(data.increment('a')).rejects.toMatchObject(UNAVAILABLE);
    await expect(on.sessions.data<{ a: number }>(empty.session).set('a', 1)).rejects.toMatchObject(
      UNAVAILABLE,
    );
    await on.sessions.revoke('ada', session.id);
    expect(await dataKeys()).toEqual([]);
  });
});

describe('a Redis that hangs', () => {
  it('holds up nobody: those who wait for a write that is under way fail with it', async () => {
    const on = await open({ commandTimeoutMs: DEFAULT_MS });
    const { session } = await on.sessions.create('ada', { data: {} });
    const data = on.sessions.data<{ a: number }>(session);
    await data.increment('a');
    server.freeze();
    const startedAt = performance.now();
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => data.increment('a')));
    expect(performance.now() - startedAt).toBeLessThan(3_000); // one after the other, it would be 18 s
    for (const one of outcomes as PromiseRejectedResult[]) expect(one.reason).toMatchObject(UNAVAILABLE);
    server.thaw();
    await sleep(1_000);
    expect(await data.increment('a')).toBeGreaterThanOrEqual(2);
  });
});

describe('with keys', () => {
  it('nothing of it is in a dump, nor in any value, in any form', async () => {
    for (const [isSealed, on] of [
      [true, await sealedBy([newKey('k')])],
      [false, await open()],
    ] as const) {
      await raw.flushall();
      for (let i = 0; i < 20; i++) {
        const { session } = await on.sessions.create(`user-${i}`, { data: { [SECRET]: SECRET } });
        await on.sessions.data<Record<string, string>>(session).set('more', SECRET);
      }
      await raw.save();
      const [, dir = ''] = await raw.config('GET', 'dir');
      const dump = await readFile(join(dir, 'dump.rdb'));
      const forms = [
        SECRET,
        Buffer.from(SECRET).toString('base64').slice(0, 20),
        Buffer.from(SECRET).toString('hex'),
      ];
      // The plain one shows that it is the right file, and readable.
      expect(forms.some((form) => dump.includes(form))).toBe(!isSealed);
      for (const key of await dataKeys()) {
        const values = Buffer.concat(await raw.hvalsBuffer(key));
        expect(forms.some((form) => values.includes(form))).toBe(!isSealed);
      }
    }
  });

  it('refuses what was moved from another session or user, changed, or never sealed, and says so in the log', async () => {
    const on = await sealedBy([newKey('k')]);
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const mine = await on.sessions.create('ada', { data: { role: 'guest' } });
    const mineToo = await on.sessions.create('ada', { data: { role: 'admin', SECRET } });
    const mineKey = await dataKeyOf();
    const bob = await on.sessions.create('bob', { data: { role: 'admin' } });
    const bobKey = (await dataKeys()).find((key) => key !== mineKey) ?? '';
    const own = await raw.hgetBuffer(mineKey, mine.session.id);
    const changed = Buffer.from(own as Buffer);
    changed.writeUInt8(changed.readUInt8(changed.length - 20) ^ 1, changed.length - 20);
    const planted = Buffer.concat([(own as Buffer).subarray(0, 6), Buffer.from('{"role":"admin"}')]);
    const foreign = [
      await raw.hgetBuffer(mineKey, mineToo.session.id),
      await raw.hgetBuffer(bobKey, bob.session.id),
      changed,
      planted,
    ];
    for (const value of foreign) {
      await raw.hset(mineKey, mine.session.id, value as Buffer);
      const { session } = await on.sessions.authenticate(mine.token, { roleGroups: [], withData: true });
      const data = on.sessions.data<{ role: string }>(session);
      await expect(data.get()).rejects.toMatchObject(UNAVAILABLE);
      await expect(data.read()).rejects.toMatchObject(UNAVAILABLE);
      await expect(data.set('role', 'user')).rejects.toMatchObject(UNAVAILABLE);
      expect(await raw.hgetBuffer(mineKey, mine.session.id)).toEqual(value);
    }
    // One line in ten seconds, and nothing of the data in it.
    expect(logged.mock.calls).toEqual([
      [expect.stringMatching(new RegExp(`^The data of session ${mine.session.id} does not open`))],
    ]);
    logged.mockRestore();
    await raw.hset(mineKey, mine.session.id, own as Buffer);
    expect((await on.sessions.data(mine.session).read()).data).toEqual({ role: 'guest' });
    expect((await on.sessions.data(bob.session).read()).data).toEqual({ role: 'admin' });
  });

  it('can be switched on under live sessions, which are then sealed as they are read', async () => {
    const before = await open();
    const { token } = await before.sessions.create('ada', { data: { SECRET } });
    const keys = [newKey('k')];
    const strict = await sealedBy(keys);
    const session = (await strict.sessions.authenticate(token)).session;
    await expect(strict.sessions.data(session).get()).rejects.toMatchObject(UNAVAILABLE);

    const lenient = await sealedBy(keys, true);
    const seen = await lenient.sessions.data((await lenient.sessions.authenticate(token)).session).read();
    expect(seen.data).toEqual({ SECRET });
    await sleep(50);
    expect(await strict.sessions.data(session).read()).toEqual(seen); // the same version: nothing was changed
    await expect(
      before.sessions.data((await before.sessions.authenticate(token)).session).read(),
    ).rejects.toMatchObject(UNAVAILABLE);
  });

  it('rotates them under load: not one read or write fails, and the old key can go', async () => {
    const [old, next] = [newKey('old'), newKey('next')];
    const before = await sealedBy([old]);
    const logins = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        before.sessions.create(`user-${i}`, { data: { count: 0, SECRET } }),
      ),
    );
    let nodes = [before, await sealedBy([old])];
    let isOver = false;
    let reads = 0;
    let increments = 0;
    const load = Array.from({ length: 10 }, async (_, client) => {
      for (let i = client; !isOver; i++) {
        const on = nodes[i % nodes.length] as SessionsOn;
        const login = logins[i % logins.length];
        const { session } = await on.sessions.authenticate(login?.token, { roleGroups: [], withData: true });
        const data = on.sessions.data<{ count: number; SECRET: string }>(session);
        expect(await data.get('SECRET')).toBe(SECRET);
        reads++;
        // Every other session is only read.
        if (i % 2) continue;
        await data.increment('count');
        increments++;
      }
    });
    // Each step reaches one node after the other.
    for (const keys of [
      [old, next],
      [next, old],
    ]) {
      for (const place of [0, 1]) {
        const node = await sealedBy(keys);
        nodes = nodes.map((one, i) => (i === place ? node : one));
        await sleep(300);
      }
    }
    for (const { token } of logins) {
      const { session } = await (nodes[0] as SessionsOn).sessions.authenticate(token);
      await (nodes[0] as SessionsOn).sessions.data(session).read();
    }
    await sleep(300);
    const after = await sealedBy([next]);
    nodes = [after, await sealedBy([next])];
    await sleep(300);
    isOver = true;
    await Promise.all(load); // rejects with the first thing that failed
    expect(reads).toBeGreaterThan(500);
    let counted = 0;
    for (const { token } of logins) {
      const { session } = await after.sessions.authenticate(token);
      counted += (await after.sessions.data<{ count: number }>(session).get('count')) ?? NaN;
    }
    expect(counted).toBe(increments);
    for (const key of await dataKeys())
      for (const value of await raw.hvalsBuffer(key)) expect(value.includes('s1:old:')).toBe(false);
  }, 30_000);
});
