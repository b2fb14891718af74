import { randomBytes } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { OneTimeTokens, SessionService, UserStateService } from '@latchkey/session';
import { LoginService, type Login } from '../../src/auth/login.service.js';
import { PasswordResetService } from '../../src/auth/password-reset.service.js';
import { MemoryOutbox } from '../../src/outbox/memory-outbox.js';
import { AccountRepository } from '../../src/users/account-repository.js';
import { UsersService } from '../../src/users/users.service.js';
import { NEW, OLD, sampleWithCheapPasswords } from '../support/cheap-passwords.js';
import { RedisServer } from '../support/redis-server.js';
import { everyOrder, Stage } from '../support/schedule.js';

/** As in sessions/login-interleavings.sample.e2e-spec.ts: a step is a call of the database and what comes of it, up to the next call. */
const STEPS = { login: 4, reset: 4, block: 2 } as const;
/** 10! / (4! · 4! · 2!) */
const ORDERS = 3_150;

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

// All of them with SOAK=1; else every other one, and on Redis every seventh: the rules are the same, and its own atomicity is
// tested elsewhere.
const isSoak = process.env['SOAK'] === '1';
describe.each([
  ['memory', isSoak ? 1 : 2],
  ['redis', isSoak ? 1 : 7],
] as const)('a login, a password reset and a block with its lifting, on %s', (storage, stride) => {
  let app: INestApplication;
  let stage: Stage;
  let oldHash: string;

  beforeAll(async () => {
    ({ app, oldHash } = await sampleWithCheapPasswords(storage === 'redis' ? server.url : ''));
    stage = new Stage();
    stage.pauseBefore(app.get(AccountRepository), 'findById', 'findByUsername', 'replacePasswordHash');
    stage.pauseBefore(app.get(UserStateService), 'get', 'block', 'unblock');
    stage.pauseBefore(app.get(SessionService), 'create', 'revokeAll');
    stage.pauseBefore(app.get(OneTimeTokens), 'consume');
  });
  afterAll(() => app.close());

  it(`leave no session, in any of ${ORDERS / stride} orders, that outlives what should have ended it`, async () => {
    let found = 0;
    const happened = { played: 0, loggedIn: 0, reset: 0, refused: 0 };
    for (const order of everyOrder(STEPS)) {
      if (found++ % stride > 0) continue;
      const result = await play(order);
      happened.played++;
      if (result.loggedIn) happened.loggedIn++;
      if (result.reset) happened.reset++;
      else happened.refused++;
      if (result.wrong.length > 0) throw new Error(`${order.join(' ')}: ${result.wrong.join(', ')}`);
    }
    // All of it happened, in one order or another.
    expect(happened.played).toBe(ORDERS / stride);
    expect(happened.loggedIn).toBeGreaterThan(happened.played / 40);
    expect(happened.reset).toBeGreaterThan(happened.played / 40);
    expect(happened.refused).toBeGreaterThan(happened.played / 40);
  }, 120_000);

  async function play(order: readonly string[]) {
    const sessions = app.get(SessionService);
    const users = app.get(UserStateService);
    const accounts = app.get(AccountRepository);
    const resets = app.get(PasswordResetService);
    const username = randomBytes(8).toString('hex');
    const account = await app.get(UsersService).create({ username, passwordHash: oldHash, roles: ['user'] });
    if (!account) throw new Error('The user name is taken');
    const bystander = await sessions.create(account.id);
    await resets.request(username);
    const token = app.get(MemoryOutbox).messages[0]?.token ?? '';
    let blocked = false;
    let madeBeforeBlock = false;

    const ends = await stage.play(order, {
      login: async () => {
        const login = await app
          .get(LoginService)
          .login({ username, password: OLD, device: {}, rememberMe: false });
        madeBeforeBlock = !blocked;
        return login;
      },
      reset: () => resets.confirm({ token, newPassword: NEW }),
      block: async () => {
        await stage.turn();
        await stage.atOnce(() => users.block(account.id, { reason: 'spam' }));
        blocked = true;
        await stage.turn();
        await stage.atOnce(() => users.unblock(account.id));
      },
    });

    const isAlive = async (which: string): Promise<boolean> => (await sessions.decide(which)).permit;
    const login = ends['login']?.status === 'fulfilled' ? (ends['login'].value as Login) : undefined;
    const reset = ends['reset']?.status === 'fulfilled';
    const passwordChanged = (await accounts.findById(account.id))?.passwordHash !== oldHash;
    const wrong: string[] = [];
    if (await isAlive(bystander.token)) wrong.push('the session of a bystander lives');
    if (login && (passwordChanged || madeBeforeBlock) && (await isAlive(login.issued.token))) {
      wrong.push('the session of the login lives');
    }
    if (reset !== passwordChanged) wrong.push('the reply to the reset is not true');
    if (ends['reset']?.status === 'rejected') {
      const { code } = ends['reset'].reason as { code?: string };
      if (code !== 'token_invalid') wrong.push(`the reset failed by ${code}`);
    }
    if (
      await resets.confirm({ token, newPassword: NEW }).then(
        () => true,
        () => false,
      )
    ) {
      wrong.push('the message works again');
    }
    if (ends['block']?.status !== 'fulfilled') throw (ends['block'] as PromiseRejectedResult).reason;
    return { wrong, loggedIn: login !== undefined, reset };
  }
});
