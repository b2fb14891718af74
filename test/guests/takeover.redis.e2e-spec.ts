import type { SessionModuleOptions } from '@latchkey/session';
import type { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { NotRunError, SessionError } from '../../libs/session/src/model/session-error.js';
import { newGuestId, userRefOf } from '../../libs/session/src/token/session-token.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';

const GUESTS = { roleGroups: [], allowGuests: true } as const;
const OPTIONS: SessionModuleOptions = { guests: { perIp: false } };

let server: RedisServer;
let raw: Redis;
let on: SessionsOn;
let asked = 0;
beforeAll(async () => {
  server = await RedisServer.start();
  raw = server.client();
});
afterAll(() => server.stop());
const closing: { close(): Promise<unknown> }[] = [];
beforeEach(async () => void (on = await open()));
afterEach(async () => {
  for (const one of closing.splice(0).reverse()) await one.close();
});

/** Another node. */
async function open(
  options: SessionModuleOptions = {},
  redis: NonNullable<SessionModuleOptions['redis']> = server.url,
) {
  const node = await sessionsOn(redis, { ...OPTIONS, ...options });
  closing.push(node);
  return node;
}

const newUser = () => `user-${asked++}`;
const dataOf = async ({ sessions }: SessionsOn, token: string) => {
  const { session } = await sessions.authenticate(token, GUESTS);
  return sessions.data(session).get();
};
const isAlive = async ({ sessions }: SessionsOn, token: string) =>
  (await sessions.decide(token, GUESTS)).permit;

/** What Redis has of the data of a user's sessions. */
async function storedOf(userId: string): Promise<string[]> {
  const values = await raw.hvalsBuffer(`lk:{${userRefOf(userId)}}:data`);
  return values.map((value) => value.subarray(6).toString());
}

describe('a guest in Redis', () => {
  it('has two keys, which go by themselves with its absolute timeout', async () => {
    await raw.flushall();
    const lifetime = { inactivityTimeout: '3s', absoluteTimeout: '3.5s' } as const;
    const short = await open({ guests: { lifetime, perIp: false } });
    const guests = await Promise.all(
      Array.from({ length: 50 }, () => short.sessions.createGuest({ data: { tea: 1 } })),
    );
    const quotas = [{ name: 'visits', quota: 5, windowMs: 3_600_000, burst: 5, by: 'user' }] as const;
    for (const { token } of guests) {
      const { session } = await short.sessions.authenticate(token, { ...GUESTS, quotas });
      await short.sessions.data(session).increment('tea');
      const key = `lk:{${userRefOf(session.userId)}}`;
      for (const name of ['user', 'data']) {
        const ms = await raw.pttl(`${key}:${name}`);
        expect(ms).toBeGreaterThan(0);
        expect(ms).toBeLessThanOrEqual(3_500);
      }
    }
    expect(await raw.dbsize()).toBe(100);
    await short.sessions.create('ada', { from: guests[0]!.token });
    await sleep(3_700);
    // Redis counts what has expired until it comes upon it.
    await Promise.all((await raw.keys('*')).map((key) => raw.exists(key)));
    expect((await raw.keys('*')).every((key) => key.includes(userRefOf('ada')))).toBe(true);
    for (const { token } of guests)
      await expect(short.sessions.authenticate(token, GUESTS)).rejects.toMatchObject({
        code: 'session_invalid',
      });
    expect(await raw.keys('*')).toHaveLength(2);
  }, 20_000);

  it('is stored as a hash of its token, whose kind it covers', async () => {
    const { token } = await on.sessions.createGuest();
    await expect(on.sessions.authenticate(`lk_${token.slice(4)}`)).rejects.toMatchObject({
      code: 'session_invalid',
    });
    const { token: users } = await on.sessions.create(newUser());
    await expect(on.sessions.authenticate(`lkg_${users.slice(3)}`, GUESTS)).rejects.toMatchObject({
      code: 'session_invalid',
    });
  });
});

describe('a login takes over', () => {
  it('the data, sealed for the new session, and only once', async () => {
    const keys = [{ id: 'one', key: Buffer.alloc(32, 1) }];
    const sealed = await open({ sessionData: { keys } });
    const guest = await sealed.sessions.createGuest({ data: { cart: ['tea'] } });
    const [first, second] = [newUser(), newUser()];
    const { token } = await sealed.sessions.create(first, { from: guest.token });
    expect(await dataOf(sealed, token)).toEqual({ cart: ['tea'] });
    expect((await storedOf(first)).join()).not.toContain('tea');
    const later = await sealed.sessions.create(second, { from: guest.token, data: { own: true } });
    expect(await dataOf(sealed, later.token)).toEqual({ own: true });
  });

  it('by the session as well as by the token', async () => {
    const guest = await on.sessions.createGuest({ data: { cart: ['tea'] } });
    const { session } = await on.sessions.authenticate(guest.token, GUESTS);
    const { token } = await on.sessions.create(newUser(), { from: session });
    expect(await dataOf(on, token)).toEqual({ cart: ['tea'] });
    expect(await isAlive(on, guest.token)).toBe(false);
  });

  it('nothing from a guest who has nothing, and ends it all the same', async () => {
    const guest = await on.sessions.createGuest();
    const { token } = await on.sessions.create(newUser(), { from: guest.token, data: { own: true } });
    expect(await dataOf(on, token)).toEqual({ own: true });
    expect(await isAlive(on, guest.token)).toBe(false);
    const other = await on.sessions.createGuest();
    const plain = await on.sessions.create(newUser(), { from: other.token });
    expect(await dataOf(on, plain.token)).toEqual({});
  });

  it('both, where both have data: by key, or as the app says', async () => {
    const data = { cart: ['tea'], theme: 'dark' };
    const own = { cart: ['milk'], name: 'Ada' };
    const guest = await on.sessions.createGuest({ data });
    const { token } = await on.sessions.create(newUser(), { from: guest.token, data: own });
    expect(await dataOf(on, token)).toEqual({ cart: ['milk'], theme: 'dark', name: 'Ada' });

    const other = await on.sessions.createGuest({ data });
    const merged = await on.sessions.create(newUser(), {
      from: other.token,
      data: own,
      merge: (guest, login) => ({ cart: [...(guest['cart'] as string[]), ...(login['cart'] as string[])] }),
    });
    expect(await dataOf(on, merged.token)).toEqual({ cart: ['tea', 'milk'] });
  });

  it('only what the app lets through, also where the login brings no data', async () => {
    const guest = await on.sessions.createGuest({ data: { cart: ['tea'], theme: 'dark' } });
    const { token } = await on.sessions.create(newUser(), {
      from: guest.token,
      merge: ({ cart = [] }, login) => ({ ...login, cart }),
    });
    expect(await dataOf(on, token)).toEqual({ cart: ['tea'] });
  });

  it.each<[string, () => unknown, object]>([
    ['throws', () => { throw new Error('no'); }, { message: 'no' }], // prettier-ignore
    ['gives a promise', async () => ({}), { name: 'TypeError' }],
    ['gives nothing', () => undefined, { name: 'TypeError' }],
    ['gives too much', () => ({ text: 'x'.repeat(9_000) }), { code: 'too_large' }],
    ['gives what is no JSON', () => ({ at: new Date() }), { code: 'bad_request' }],
  ])('nothing when the app’s function %s: then nothing has changed', async (_, merge, error) => {
    const userId = newUser();
    const guest = await on.sessions.createGuest({ data: { cart: ['tea'] } });
    const login = on.sessions.create(userId, { from: guest.token, data: {}, merge: merge as never });
    await expect(login).rejects.toMatchObject(error);
    expect(await dataOf(on, guest.token)).toEqual({ cart: ['tea'] });
    expect(await on.sessions.list(userId)).toEqual([]);
  });

  it('nothing from a token that opens no guest’s session', async () => {
    const user = await on.sessions.create(newUser(), { data: { cart: ['tea'] } });
    const gone = await on.sessions.createGuest({ data: { cart: ['tea'] } });
    await on.sessions.revoke(gone.session.userId, gone.session.id);
    const elsewhere = await open({ keyPrefix: 'other' });
    const foreign = await elsewhere.sessions.createGuest({ data: { cart: ['tea'] } });
    const unknown = `lkg_${'A'.repeat(81)}`;
    for (const from of [
      user.token,
      gone.token,
      foreign.token,
      foreign.session,
      unknown,
      'lkg_',
      '',
      undefined,
    ]) {
      const { token } = await on.sessions.create(newUser(), { from, data: { own: true } });
      expect(await dataOf(on, token)).toEqual({ own: true });
    }
    expect(await isAlive(on, user.token)).toBe(true);
    expect(await dataOf(elsewhere, foreign.token)).toEqual({ cart: ['tea'] });
  });

  it('never a session of a user, nor one that no token has opened', async () => {
    const userId = newUser();
    const { session } = await on.sessions.create(newUser(), { data: { cart: ['tea'] } });
    const listed = { ...(await on.sessions.createGuest()).session };
    for (const from of [session, listed, null, 5, Promise.resolve('lkg_')])
      await expect(on.sessions.create(userId, { from: from as never })).rejects.toBeInstanceOf(TypeError);
    expect(await on.sessions.list(userId)).toEqual([]);
  });

  it('nothing where the reserved form is given as a user id', async () => {
    for (const userId of [newGuestId(), 'latchkey:guest:', `latchkey:guest:${'x'.repeat(200)}`])
      await expect(on.sessions.create(userId)).rejects.toMatchObject({ code: 'bad_request' });
  });
});

describe('a login that fails', () => {
  it.each([
    [
      'a blocked user',
      'user_blocked',
      ({ users }: SessionsOn, id: string) => users.block(id, { reason: 'spam' }),
    ],
    ['another epoch', 'epoch_changed', ({ sessions }: SessionsOn, id: string) => sessions.revokeAll(id)],
  ] as const)('for %s leaves the guest and its cart', async (_, code, spoil) => {
    const userId = newUser();
    const { epoch } = await on.users.ensure(userId);
    await spoil(on, userId);
    const guest = await on.sessions.createGuest({ data: { cart: ['tea'] } });
    const login = on.sessions.create(userId, { from: guest.token, ifEpoch: epoch });
    await expect(login).rejects.toMatchObject({ code });
    expect(await dataOf(on, guest.token)).toEqual({ cart: ['tea'] });
  });

  it('for too many sessions leaves the guest and its cart', async () => {
    const strict = await open({ maxSessionsPerUser: 1, onSessionLimit: 'reject' });
    const userId = newUser();
    await strict.sessions.create(userId);
    const guest = await strict.sessions.createGuest({ data: { cart: ['tea'] } });
    await expect(strict.sessions.create(userId, { from: guest.token })).rejects.toMatchObject({
      code: 'session_limit_reached',
    });
    expect(await dataOf(strict, guest.token)).toEqual({ cart: ['tea'] });
  });

  type Call = 'read' | 'end' | 'create';
  it.each<[Call, 'before' | 'after', where: 'guest' | 'session']>([
    ['read', 'before', 'guest'],
    ['read', 'after', 'guest'],
    ['create', 'before', 'guest'],
    ['create', 'after', 'guest'],
    ['end', 'before', 'guest'],
    ['end', 'after', 'session'],
  ])(
    'because Redis is away at its %s, %s that took place, leaves the cart with the %s',
    async (call, when, where) => {
      const userId = newUser();
      const guest = await on.sessions.createGuest({ data: { cart: ['tea'] } });
      const target = (call === 'create' ? on.repository : on.repository.data) as unknown as Record<
        Call,
        (...args: unknown[]) => Promise<unknown>
      >;
      const original = target[call].bind(target);
      target[call] = async (...args) => {
        if (when === 'after') await original(...args);
        const cause = when === 'after' ? new Error('timed out') : new NotRunError('was not sent');
        throw new SessionError('session_store_unavailable', { cause });
      };
      const login = on.sessions.create(userId, { from: guest.token });
      await expect(login).rejects.toMatchObject({ code: 'session_store_unavailable' });
      target[call] = original;
      expect(await isAlive(on, guest.token)).toBe(where === 'guest');
      if (where === 'guest') {
        const { token } = await on.sessions.create(userId, { from: guest.token });
        expect(await dataOf(on, token)).toEqual({ cart: ['tea'] });
      } else {
        expect(await storedOf(userId)).toEqual(['{"cart":["tea"]}']);
      }
    },
  );

  it('because Redis is away when another login’s cart is taken out again leaves no copy of it', async () => {
    const [first, second] = [newUser(), newUser()];
    const guest = await on.sessions.createGuest({ data: { cart: ['tea'] } });
    const other = await open();
    const end = on.repository.data.end.bind(on.repository.data);
    on.repository.data.end = async (given) => {
      await other.sessions.create(first, { from: guest.token });
      return end(given);
    };
    on.repository.data.write = () =>
      Promise.reject(new SessionError('session_store_unavailable', { cause: new Error('timed out') }));
    await expect(on.sessions.create(second, { from: guest.token })).rejects.toMatchObject({
      code: 'session_store_unavailable',
    });
    expect(await storedOf(first)).toEqual(['{"cart":["tea"]}']);
    expect(await storedOf(second)).toEqual([]);
    expect(await on.sessions.list(second)).toEqual([]);
  });

  it('because the cart changes all the time leaves the guest and its cart', async () => {
    const userId = newUser();
    const guest = await on.sessions.createGuest({ data: { items: 0 } });
    const end = on.repository.data.end.bind(on.repository.data);
    on.repository.data.end = async (given) => {
      await on.sessions.data(guest.session).increment('items');
      return end(given);
    };
    const login = on.sessions.create(userId, { from: guest.token });
    await expect(login).rejects.toMatchObject({ code: 'version_conflict' });
    on.repository.data.end = end;
    expect(await on.sessions.list(userId)).toEqual([]);
    const { token } = await on.sessions.create(userId, { from: guest.token });
    expect(await dataOf(on, token)).toEqual({ items: 20 });
  });

  it('when the connection breaks at any moment loses no cart', async () => {
    const proxy = await CutOffProxy.start(server.port);
    closing.push(proxy);
    const through = await open({ commandTimeoutMs: 100 }, proxy.url);
    const guests = await Promise.all(
      Array.from({ length: 150 }, async (_, i) => ({
        userId: newUser(),
        guest: await on.sessions.createGuest({ data: { cart: [i] } }),
      })),
    );
    const outcomes: string[] = [];
    const logins = guests.map(async ({ userId, guest }, i) => {
      await sleep(i * 4);
      await through.sessions.create(userId, { from: guest.token }).then(
        () => outcomes.push('in'),
        () => outcomes.push('out'),
      );
    });
    for (let i = 0; i < 4; i++) {
      await sleep(60);
      proxy.cut();
      await sleep(60);
      await proxy.heal();
    }
    await Promise.all(logins);
    for (const [i, { userId, guest }] of guests.entries()) {
      const text = `{"cart":[${i}]}`;
      const isWithGuest = await isAlive(on, guest.token);
      const stored = await storedOf(userId);
      if (isWithGuest) expect(await dataOf(on, guest.token)).toEqual({ cart: [i] });
      else expect(stored).toContain(text);
    }
    expect(outcomes).toContain('in');
    expect(outcomes).toContain('out');
  }, 30_000);
});

it('on a Cluster, where guests and users are on different nodes, one of many logins has the cart', async () => {
  const cluster = await RedisCluster.start();
  closing.push({ close: () => cluster.stop() });
  const there = await open({}, cluster.client());
  for (let round = 0; round < 5; round++) {
    const guest = await there.sessions.createGuest({ data: { cart: ['tea'] } });
    const logins = await Promise.all(
      Array.from({ length: 20 }, () => there.sessions.create(newUser(), { from: guest.token })),
    );
    const carts = await Promise.all(logins.map(({ token }) => dataOf(there, token)));
    expect(carts.filter((cart) => 'cart' in cart)).toHaveLength(1);
    expect(await isAlive(there, guest.token)).toBe(false);
  }
}, 60_000);
