import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionModule, SessionService, UserStateService, type IssuedSession } from '@latchkey/session';
import type { IssuedGuest } from '@latchkey/session/access';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';
import { RedisServer } from '../support/redis-server.js';
import { everyOrder, Stage } from '../support/schedule.js';

/** A step is a call of the repository and what comes of it. */
const STEPS = { one: 4, two: 4, tab: 2 } as const;
/** 10! / (4! · 4! · 2!) */
const ORDERS = 3_150;
const GUESTS = { roleGroups: [], allowGuests: true } as const;

let server: RedisServer;
beforeAll(async () => void (server = await RedisServer.start()));
afterAll(() => server.stop());

describe.each([
  ['memory', 1],
  ['redis', 11],
] as const)('logins from one guest, on %s', (storage, stride) => {
  let app: INestApplicationContext;
  let sessions: SessionService;
  let users: UserStateService;
  let stage: Stage;
  let played = 0;

  beforeAll(async () => {
    const place =
      storage === 'redis'
        ? { redis: server.url, commandTimeoutMs: 2_000 }
        : { allowMemoryInProduction: true };
    const options = { ...place, guests: { perIp: false } } as const;
    app = await NestFactory.createApplicationContext(SessionModule.forRoot(options), { logger: false });
    sessions = app.get(SessionService);
    users = app.get(UserStateService);
    const repository = app.get<SessionRepository>(SESSION_REPOSITORY);
    stage = new Stage();
    stage.pauseBefore(repository.data, 'read', 'write', 'end');
    stage.pauseBefore(repository, 'create');
  });
  afterAll(() => app.close());

  const begin = () => sessions.createGuest({ data: { tea: 1 } });
  const isAlive = async ({ token }: IssuedGuest) => (await sessions.decide(token, GUESTS)).permit;
  const cartOf = async ({ token }: IssuedSession | IssuedGuest) => {
    const { session } = await sessions.authenticate(token, GUESTS);
    return sessions.data(session).get();
  };

  it('give its data to exactly one, and lose nothing that a tab writes meanwhile', async () => {
    const seen = { written: 0, refused: 0, one: 0, two: 0 };
    for (const order of orders(stride)) {
      const guest = await begin();
      const name = `user-${played++}`;
      const login = (own: string) => () =>
        sessions.create(`${name}-${own}`, { from: guest.token, data: { own } });
      const { one, two, tab } = await stage.play(order, {
        one: login('one'),
        two: login('two'),
        tab: async () => {
          const { session } = await stage.atOnce(() => sessions.authenticate(guest.token, GUESTS));
          return sessions.data(session).increment('milk');
        },
      });
      expect([one?.status, two?.status]).toEqual(['fulfilled', 'fulfilled']);
      const carts = await Promise.all(
        [one, two].map((login) => cartOf((login as PromiseFulfilledResult<IssuedSession>).value)),
      );
      const isWritten = tab?.status === 'fulfilled';
      if (!isWritten) {
        const { code } = (tab as PromiseRejectedResult).reason as { code: string };
        expect(['session_revoked', 'session_invalid']).toContain(code);
      }
      const whole = { tea: 1, ...(isWritten ? { milk: 1 } : {}) };
      const winner = carts[0] && 'tea' in carts[0] ? 0 : 1;
      expect(carts[winner]).toEqual({ ...whole, own: winner === 0 ? 'one' : 'two' });
      expect(carts[1 - winner]).toEqual({ own: winner === 0 ? 'two' : 'one' });
      expect(await isAlive(guest)).toBe(false);
      seen[isWritten ? 'written' : 'refused'] += 1;
      seen[winner === 0 ? 'one' : 'two'] += 1;
    }
    // In one order or another, each came about.
    for (const howOften of Object.values(seen)) expect(howOften).toBeGreaterThan(0);
  }, 120_000);

  it('that a block refuses leave the guest as it was', async () => {
    let refused = 0;
    for (const order of everyOrder({ one: 4, block: 1, tab: 2 })) {
      const guest = await begin();
      const userId = `blocked-${played++}`;
      await users.ensure(userId);
      const { one, tab } = await stage.play(order, {
        one: () => sessions.create(userId, { from: guest.token }),
        block: () => users.block(userId, { reason: 'spam' }),
        tab: async () => {
          const { session } = await stage.atOnce(() => sessions.authenticate(guest.token, GUESTS));
          return sessions.data(session).increment('milk');
        },
      });
      expect(await isAlive(guest)).toBe(one?.status === 'rejected');
      if (one?.status === 'fulfilled') continue;
      refused += 1;
      expect((one as PromiseRejectedResult).reason).toMatchObject({
        code: expect.stringMatching(/^(user_blocked|session_revoked)$/),
      });
      expect(tab?.status).toBe('fulfilled');
      expect(await cartOf(guest)).toEqual({ tea: 1, milk: 1 });
    }
    expect(refused).toBeGreaterThan(0);
  }, 60_000);
});

function* orders(stride: number): Generator<string[]> {
  let number = 0;
  for (const order of everyOrder(STEPS)) if (number++ % stride === 0) yield order;
  expect(number).toBe(ORDERS);
}
