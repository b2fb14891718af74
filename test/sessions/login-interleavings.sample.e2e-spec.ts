import { randomBytes } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { SessionService, UserStateService, type IssuedSession } from '@latchkey/session';
import { CredentialsService } from '../../src/auth/credentials.service.js';
import { LoginService, type Login } from '../../src/auth/login.service.js';
import { AccountRepository } from '../../src/users/account-repository.js';
import { UsersService } from '../../src/users/users.service.js';
import { NEW, OLD, sampleWithCheapPasswords } from '../support/cheap-passwords.js';
import { RedisServer } from '../support/redis-server.js';
import { everyOrder, Stage } from '../support/schedule.js';

/** A step is a call of the database and what comes of it, up to the next call: there another node can come in between. */
const STEPS = { login: 4, change: 5, block: 2 } as const;
/** 11! / (4! · 5! · 2!) */
const ORDERS = 6_930;

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
] as const)('a login, a password change and a block with its lifting, on %s', (storage, stride) => {
  let app: INestApplication;
  let stage: Stage;
  let oldHash: string;

  beforeAll(async () => {
    ({ app, oldHash } = await sampleWithCheapPasswords(storage === 'redis' ? server.url : ''));
    stage = new Stage();
    stage.pauseBefore(app.get(AccountRepository), 'findById', 'findByUsername', 'replacePasswordHash');
    stage.pauseBefore(app.get(UserStateService), 'get', 'block', 'unblock');
    stage.pauseBefore(app.get(SessionService), 'decide', 'create', 'replaceToken', 'revokeAll');
  });
  afterAll(() => app.close());

  it(`leave no session, in any of ${ORDERS / stride} orders, that outlives what should have ended it`, async () => {
    let found = 0;
    let played = 0;
    let loggedIn = 0;
    let changed = 0;
    for (const order of everyOrder(STEPS)) {
      if (found++ % stride > 0) continue;
      const result = await play(order);
      played++;
      if (result.loggedIn) loggedIn++;
      if (result.changed) changed++;
      if (result.survivors.length > 0) {
        throw new Error(`${order.join(' ')}: ${result.survivors.join(', ')} outlived its end`);
      }
    }
    // All of it happened, in one order or another.
    expect(played).toBe(ORDERS / stride);
    expect(loggedIn).toBeGreaterThan(played / 40);
    expect(changed).toBeGreaterThan(played / 40);
  }, 120_000);

  async function play(order: readonly string[]) {
    const sessions = app.get(SessionService);
    const users = app.get(UserStateService);
    const accounts = app.get(AccountRepository);
    const username = randomBytes(8).toString('hex');
    const account = await app.get(UsersService).create({ username, passwordHash: oldHash, roles: ['user'] });
    if (!account) throw new Error('The user name is taken');
    const bystander = await sessions.create(account.id);
    const changer = await sessions.create(account.id);
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
      change: async () => {
        const authenticated = await sessions.authenticate(changer.token);
        return app
          .get(CredentialsService)
          .changePassword(authenticated, { currentPassword: OLD, newPassword: NEW });
      },
      block: async () => {
        await stage.turn();
        await stage.atOnce(() => users.block(account.id, { reason: 'spam' }));
        blocked = true;
        await stage.turn();
        await stage.atOnce(() => users.unblock(account.id));
      },
    });

    const isAlive = async (token: string): Promise<boolean> => (await sessions.decide(token)).permit;
    const login = ends['login']?.status === 'fulfilled' ? (ends['login'].value as Login) : undefined;
    const change =
      ends['change']?.status === 'fulfilled' ? (ends['change'].value as IssuedSession) : undefined;
    const passwordChanged = (await accounts.findById(account.id))?.passwordHash !== oldHash;
    const survivors: string[] = [];
    // Whatever was there before the block is dead, and so is the caller's old token.
    if (await isAlive(bystander.token)) survivors.push('the session of a bystander');
    if (passwordChanged && (await isAlive(changer.token))) survivors.push('the old token of the changer');
    if (login && (passwordChanged || madeBeforeBlock) && (await isAlive(login.issued.token))) {
      survivors.push('the session of the login');
    }
    if (ends['block']?.status !== 'fulfilled') throw (ends['block'] as PromiseRejectedResult).reason;
    return { survivors, loggedIn: login !== undefined, changed: change !== undefined };
  }
});
