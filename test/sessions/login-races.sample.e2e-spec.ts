import { SessionService, UserStateService } from '@latchkey/session';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { UsersService } from '../../src/users/users.service.js';
import { type Client, expectProblem } from '../sample/support/client.js';
import { type Gate, hold } from '../sample/support/gate.js';
import { describeSample, PASSWORD } from '../sample/support/sample.js';

const NEW_PASSWORD = 'another good password';

/** Where a login can be overtaken. */
const PAUSES = [
  'after the epoch was read',
  'after the password was checked',
  'before the session is made',
] as const;

describeSample('a login that is overtaken', (sample) => {
  let owner: Client;

  beforeEach(async () => {
    owner = await sample().newcomer();
  });

  function pause(where: (typeof PAUSES)[number]): Gate {
    const { app } = sample();
    if (where === 'after the epoch was read') return hold(app.get(UserStateService), 'get', 'after');
    if (where === 'after the password was checked') return hold(app.get(PasswordHasher), 'verify', 'after');
    return hold(app.get(SessionService), 'create', 'before');
  }

  /** Starts a login with the old password, and lets something happen while it is held back. */
  async function overtake(where: (typeof PAUSES)[number], act: () => Promise<unknown>) {
    const gate = pause(where);
    const login = sample()
      .anybody()
      .post('/auth/login', { username: owner.username, password: PASSWORD, transport: 'bearer' })
      .then((reply) => reply);
    await gate.reached;
    await act();
    gate.open();
    return login;
  }

  const changePassword = () =>
    owner.put('/auth/password', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }).expect(200);

  it.each(PAUSES)('%s, by a change of password: the old one opens nothing', async (where) => {
    const reply = await overtake(where, changePassword);
    expectProblem(reply, 401, 'bad_credentials');
    await sample().anybody().login(owner.username, NEW_PASSWORD);
  });

  it.each(PAUSES)('%s, by a block: nothing opens', async (where) => {
    const mia = await sample().as('mia');
    const reply = await overtake(where, () =>
      mia.post(`/moderation/users/${owner.userId}/block`, { reason: 'Race' }).expect(200),
    );
    expectProblem(reply, 403, 'user_blocked');
  });

  it.each(PAUSES)(
    '%s, by a block that was lifted: the password is checked again, and opens a session',
    async (where) => {
      const mia = await sample().as('mia');
      const attempts = countCalls(sample().app.get(UsersService), 'findByUsername');
      const reply = await overtake(where, async () => {
        await mia.post(`/moderation/users/${owner.userId}/block`, { reason: 'Race' }).expect(200);
        await mia.delete(`/moderation/users/${owner.userId}/block`).expect(200);
      });
      expect(reply.status).toBe(200);
      expect(attempts()).toBe(2);
      owner.token = reply.body.token;
      expect(await owner.denial()).toBeUndefined();
    },
  );

  it('twice is told to log in again', async () => {
    const mia = await sample().as('mia');
    const end = () => mia.delete(`/moderation/users/${owner.userId}/sessions`).expect(200);
    const first = pause('before the session is made');
    const login = sample()
      .anybody()
      .post('/auth/login', { username: owner.username, password: PASSWORD })
      .then((reply) => reply);
    await first.reached;
    await end();
    const second = pause('before the session is made');
    first.open();
    await second.reached;
    await end();
    second.open();
    expectProblem(await login, 409, 'conflict');
    await sample().anybody().login(owner.username, PASSWORD);
  });

  it('by a change of password that is itself overtaken: a session of the old password ends with it', async () => {
    const gate = hold(sample().app.get(UsersService), 'replacePasswordHash', 'before');
    const change = owner
      .put('/auth/password', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD })
      .then((reply) => reply);
    await gate.reached;
    const mia = await sample().as('mia');
    await mia.delete(`/moderation/users/${owner.userId}/sessions`).expect(200); // a new epoch, and the caller is out
    const thief = await sample().anybody().login(owner.username, PASSWORD);
    gate.open();
    expectProblem(await change, 401, 'session_revoked');
    expect(await thief.denial()).toBe('session_revoked');
    await sample().anybody().login(owner.username, NEW_PASSWORD);
  });

  it('does not let a reauthentication with the old password outlive its change', async () => {
    const other = await sample().anybody().login(owner.username, PASSWORD);
    const gate = hold(sample().app.get(PasswordHasher), 'verify', 'after');
    const reauthentication = other
      .post('/auth/reauthenticate', { password: PASSWORD })
      .then((reply) => reply);
    await gate.reached;
    await changePassword();
    gate.open();
    expectProblem(await reauthentication, 401, 'session_revoked');
  });
});

/** How often a method is called from now on. */
function countCalls<T extends object>(target: T, name: keyof T & string): () => number {
  let calls = 0;
  const original = target[name] as unknown as (...args: unknown[]) => unknown;
  Object.defineProperty(target, name, {
    configurable: true,
    value: (...args: unknown[]) => {
      calls += 1;
      return original.apply(target, args);
    },
  });
  return () => {
    delete target[name];
    return calls;
  };
}
