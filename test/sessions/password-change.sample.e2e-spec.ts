import { SessionService } from '@latchkey/session';
import { UsersService } from '../../src/users/users.service.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { type Client, expectProblem } from '../sample/support/client.js';
import { hold } from '../sample/support/gate.js';
import { PASSWORD, Sample } from '../sample/support/sample.js';

const NEW_PASSWORD = 'another good password';

/** Each step is a call of Redis; here the network fails between two of them, and comes back. */
describe('a change of password that breaks off', () => {
  let redis: RedisServer;
  let proxy: CutOffProxy;
  let sample: Sample;
  let owner: Client;
  let thief: Client;

  beforeAll(async () => {
    redis = await RedisServer.start();
    proxy = await CutOffProxy.start(redis.port);
    sample = await Sample.start({ env: { REDIS_URL: proxy.url } });
  });
  afterAll(async () => {
    await sample.stop();
    await proxy.close();
    await redis.stop();
  });
  beforeEach(async () => {
    owner = await sample.newcomer();
    thief = await sample.anybody().login(owner.username, PASSWORD);
  });

  const change = () =>
    owner
      .put('/auth/password', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD })
      .then((reply) => reply);
  const loginStatus = async (password: string): Promise<number> => {
    const { username } = owner;
    return (await sample.anybody().post('/auth/login', { username, password })).status;
  };
  /** Lets the change fail by a cut network at a point that it has reached. */
  async function breakOff(gate: ReturnType<typeof hold>): Promise<void> {
    const reply = change();
    await gate.reached;
    proxy.cut();
    gate.open();
    expectProblem(await reply, 503, 'session_store_unavailable');
    await proxy.heal();
    const deadline = Date.now() + 10_000;
    while ((await sample.anybody().get('/health')).status !== 200) {
      if (Date.now() > deadline) throw new Error('Redis does not come back');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it('before anything: everything is as it was', async () => {
    await breakOff(hold(sample.app.get(SessionService), 'replaceToken', 'before'));
    expect(await owner.denial()).toBeUndefined();
    expect(await thief.denial()).toBeUndefined();
    expect(await loginStatus(PASSWORD)).toBe(200);
  });

  it('before the new password stands: all sessions are over, the password is the old one', async () => {
    await breakOff(hold(sample.app.get(UsersService), 'replacePasswordHash', 'before'));
    expect(await owner.denial()).toBe('session_revoked');
    expect(await thief.denial()).toBe('session_revoked');
    expect(await loginStatus(PASSWORD)).toBe(200);
  });

  it('once the new password stands: no session from before it lives on', async () => {
    await breakOff(hold(sample.app.get(UsersService), 'replacePasswordHash', 'after'));
    expect(await thief.denial()).toBe('session_revoked');
    expect(await owner.denial()).toBe('session_revoked');
    expect(await loginStatus(PASSWORD)).toBe(401);
    expect(await loginStatus(NEW_PASSWORD)).toBe(200);
  });

  it('because somebody else was faster: the caller is told, and logged out', async () => {
    const gate = hold(sample.app.get(UsersService), 'replacePasswordHash', 'before');
    const late = change();
    await gate.reached;
    // The others are out by now: faster is who logs in with the old password, and changes it first.
    await thief.login(owner.username, PASSWORD);
    const faster = await thief.put('/auth/password', {
      currentPassword: PASSWORD,
      newPassword: NEW_PASSWORD,
    });
    expect(faster.status).toBe(200);
    gate.open();
    expectProblem(await late, 409, 'conflict');
    expect(await owner.denial()).toBe('session_revoked');
    expect(await loginStatus(NEW_PASSWORD)).toBe(200);
  });
});

describe('a login with the old password while it is being changed', () => {
  it.each(['the caller stays', 'it ends the session of the caller'])(
    'ends with the change (%s)',
    async (how) => {
      const sample = await Sample.start();
      try {
        const owner = await sample.newcomer();
        const gate = hold(sample.app.get(UsersService), 'replacePasswordHash', 'before');
        const change = owner
          .put('/auth/password', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD })
          .then((reply) => reply);
        await gate.reached;
        const thief = await sample.anybody().login(owner.username, PASSWORD);
        const isHostile = how !== 'the caller stays';
        if (isHostile) await thief.delete(`/sessions/${owner.sessionId}`).expect(204);
        gate.open();
        const reply = await change;
        expect(await thief.denial()).toBe('session_revoked');
        if (isHostile) {
          expectProblem(reply, 401, 'session_revoked');
        } else {
          expect(reply.status).toBe(200);
          owner.token = reply.body.token;
          expect(await owner.denial()).toBeUndefined();
        }
        await sample.anybody().login(owner.username, NEW_PASSWORD);
      } finally {
        await sample.stop();
      }
    },
  );
});
