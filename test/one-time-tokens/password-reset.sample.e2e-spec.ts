import { AuditLog, OneTimeTokens, SessionService } from '@latchkey/session';
import { UsersService } from '../../src/users/users.service.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { type Client, expectProblem } from '../sample/support/client.js';
import { type Gate, hold } from '../sample/support/gate.js';
import { messagesOf, resetTokenFor } from '../sample/support/outbox.js';
import { describeSample, newName, PASSWORD, Sample } from '../sample/support/sample.js';

const NEW_PASSWORD = 'another good password';

describeSample('a password reset', (sample) => {
  let owner: Client;

  beforeEach(async () => {
    owner = await sample().newcomer();
  });

  const ask = (username: string) => sample().anybody().post('/auth/password-reset', { username });
  const tokenFor = ({ username }: Client) => resetTokenFor(sample().url, username);
  const confirm = (token: unknown, newPassword: unknown = NEW_PASSWORD) =>
    sample().anybody().post('/auth/password-reset/confirm', { token, newPassword });
  const loginStatus = async (password: string): Promise<number> => {
    const { username } = owner;
    return (await sample().anybody().post('/auth/login', { username, password })).status;
  };

  it('answers the same whether or not there is such an account', async () => {
    const before = (await messagesOf(sample().url)).length;
    const known = await ask(owner.username);
    const unknown = await ask(newName());
    for (const reply of [known, unknown]) {
      expect(reply.status).toBe(202);
      expect(reply.text).toBe('');
      expect(reply.headers['cache-control']).toBe('no-store');
    }
    const names = ({ headers }: typeof known): string[] => Object.keys(headers).sort();
    expect(names(unknown)).toEqual(names(known));
    const messages = await messagesOf(sample().url);
    expect(messages).toHaveLength(before + 1);
    expect(messages[0]).toEqual({
      to: owner.username,
      purpose: 'password-reset',
      token: expect.stringMatching(/^lko_/),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('sets the password and ends every session', async () => {
    const thief = await sample().anybody().login(owner.username, PASSWORD, { transport: 'cookie' });
    const reply = await confirm(await tokenFor(owner));
    expect({ status: reply.status, text: reply.text }).toEqual({ status: 204, text: '' });
    expect(reply.headers['set-cookie']).toBeUndefined();
    expect(await owner.denial()).toBe('session_revoked');
    expect(await thief.denial()).toBe('session_revoked');
    expect(await loginStatus(PASSWORD)).toBe(401);
    expect(await loginStatus(NEW_PASSWORD)).toBe(200);
  });

  it('works once', async () => {
    const token = await tokenFor(owner);
    await confirm(token).expect(204);
    await owner.login(owner.username, NEW_PASSWORD);
    expectProblem(await confirm(token, 'yet another password'), 401, 'token_invalid');
    expect(await owner.denial()).toBeUndefined();
    expect(await loginStatus(NEW_PASSWORD)).toBe(200);
  });

  it('works by any message, whoever asked for it, until one was used', async () => {
    const [first, second, third] = [await tokenFor(owner), await tokenFor(owner), await tokenFor(owner)];
    await confirm(second).expect(204);
    expectProblem(await confirm(first), 401, 'token_invalid');
    expectProblem(await confirm(third), 401, 'token_invalid');
  });

  it.each([
    ['a password that is too short', { newPassword: 'short' }],
    ['a password that is too long', { newPassword: 'x'.repeat(129) }],
    ['no password', { newPassword: undefined }],
    ['a field that there is not', { username: 'alice' }],
  ])('loses nothing by %s', async (_, wrong) => {
    const token = await tokenFor(owner);
    const body = { token, newPassword: NEW_PASSWORD, ...wrong };
    const reply = await sample().anybody().post('/auth/password-reset/confirm', body);
    expectProblem(reply, 400, 'bad_request');
    expect(await owner.denial()).toBeUndefined();
    await confirm(token).expect(204);
  });

  it.each([
    ['one that was made up', `lko_${'x'.repeat(81)}`],
    ['a text', 'token'],
    ['a text with more in it', `lko_${'x'.repeat(81)}\u0000`],
  ])('refuses %s', async (_, token) => {
    expectProblem(await confirm(token), 401, 'token_invalid');
  });

  it("refuses a session token, and another purpose's", async () => {
    expectProblem(await confirm(owner.token), 401, 'token_invalid');
    const tokens = sample().app.get(OneTimeTokens);
    const { token } = await tokens.issue('email-proof', owner.userId, { ttl: '1h' });
    expectProblem(await confirm(token), 401, 'token_invalid');
    expect(await tokens.consume(token, 'email-proof')).toMatchObject({ subject: owner.userId });
    expect(await owner.denial()).toBeUndefined();
  });

  it('is void after "log out everywhere", a change of password, or a block that was lifted', async () => {
    const one = await tokenFor(owner);
    await owner.delete('/sessions?scope=others').expect(200);
    expectProblem(await confirm(one), 401, 'token_invalid');

    const two = await tokenFor(owner);
    const body = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    owner.token = (await owner.put('/auth/password', body).expect(200)).body.token;
    expectProblem(await confirm(two), 401, 'token_invalid');

    const three = await tokenFor(owner);
    const mia = await sample().as('mia');
    await mia.post(`/moderation/users/${owner.userId}/block`, { reason: 'Test' }).expect(200);
    await mia.delete(`/moderation/users/${owner.userId}/block`).expect(200);
    expectProblem(await confirm(three), 401, 'token_invalid');
    expect(await loginStatus(NEW_PASSWORD)).toBe(200);
  });

  it('outlives a logout', async () => {
    const token = await tokenFor(owner);
    await owner.post('/auth/logout').expect(204);
    await confirm(token).expect(204);
  });

  it('works for blocked people, who stay blocked', async () => {
    const mia = await sample().as('mia');
    await mia.post(`/moderation/users/${owner.userId}/block`, { reason: 'Test' }).expect(200);
    await confirm(await tokenFor(owner)).expect(204);
    expect(await loginStatus(PASSWORD)).toBe(401);
    expect(await loginStatus(NEW_PASSWORD)).toBe(403);
    await mia.delete(`/moderation/users/${owner.userId}/block`).expect(200);
    expect(await loginStatus(NEW_PASSWORD)).toBe(200);
  });

  it('is in the audit log, done or refused, without its token', async () => {
    const token = await tokenFor(owner);
    await confirm(token).expect(204);
    await confirm(token).expect(401);
    const { entries } = await sample().app.get(AuditLog).read({ limit: 5 });
    const [denied, done] = entries.filter(({ action }) => action === 'password.reset');
    expect(done).toMatchObject({ outcome: 'ok', actorId: owner.userId, ip: '127.0.0.1' });
    expect(denied).toMatchObject({ outcome: 'denied', details: { code: 'token_invalid' }, ip: '127.0.0.1' });
    expect(JSON.stringify(entries)).not.toContain(token.slice(-20));
  });

  it('is done by one of many who use the same message at once', async () => {
    const token = await tokenFor(owner);
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) => confirm(token, `${NEW_PASSWORD} ${i}`).then((reply) => reply)),
    );
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(19);
    expect(await loginStatus(`${NEW_PASSWORD} ${statuses.indexOf(204)}`)).toBe(200);
  });

  it('is done by one of several messages that are used at once', async () => {
    const tokens = [await tokenFor(owner), await tokenFor(owner), await tokenFor(owner)];
    const replies = await Promise.all(tokens.map((token, i) => confirm(token, `${NEW_PASSWORD} ${i}`)));
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    expect(await loginStatus(`${NEW_PASSWORD} ${statuses.indexOf(204)}`)).toBe(200);
  });

  it('ends a login with the old password that comes in the middle of it', async () => {
    const token = await tokenFor(owner);
    const gate = hold(sample().app.get(UsersService), 'replacePasswordHash', 'before');
    const reset = confirm(token).then((reply) => reply);
    await gate.reached;
    expect(await owner.denial()).toBe('session_revoked');
    const thief = await sample().anybody().login(owner.username, PASSWORD);
    gate.open();
    expect((await reset).status).toBe(204);
    expect(await thief.denial()).toBe('session_revoked');
    expect(await loginStatus(NEW_PASSWORD)).toBe(200);
  });

  it('gives way to a change of password that comes in the middle of it, and ends its session', async () => {
    const token = await tokenFor(owner);
    const gate = hold(sample().app.get(UsersService), 'replacePasswordHash', 'before');
    const reset = confirm(token).then((reply) => reply);
    await gate.reached;
    const other = await sample().anybody().login(owner.username, PASSWORD);
    const body = { currentPassword: PASSWORD, newPassword: 'the faster password' };
    other.token = (await other.put('/auth/password', body).expect(200)).body.token;
    gate.open();
    expectProblem(await reset, 409, 'conflict');
    expect(await other.denial()).toBe('session_revoked');
    expect(await loginStatus('the faster password')).toBe(200);
  });
});

describe('a password reset with refresh tokens', () => {
  it('ends the families of the sessions, too', async () => {
    const sample = await Sample.start({ env: { REFRESH: 'on' } });
    try {
      const { username } = await sample.newcomer();
      const login = { username, password: PASSWORD, transport: 'bearer' };
      const { refreshToken } = (await sample.anybody().post('/auth/login', login).expect(200)).body;
      const token = await resetTokenFor(sample.url, username);
      const reset = { token, newPassword: NEW_PASSWORD };
      await sample.anybody().post('/auth/password-reset/confirm', reset).expect(204);
      expectProblem(await sample.anybody().post('/auth/refresh', { refreshToken }), 401, 'session_revoked');
    } finally {
      await sample.stop();
    }
  });
});

describe('the quotas of password resets', () => {
  it('are strict per account and client IP, and leave logins alone', async () => {
    const sample = await Sample.start({ env: { LOGIN_QUOTA: '3' } });
    try {
      const ask = (username: string) => sample.anybody().post('/auth/password-reset', { username });
      for (let left = 2; left >= 0; left--) {
        const reply = await ask('alice').expect(202);
        expect(reply.headers['ratelimit']).toContain(`"reset";r=${left}`);
      }
      const refused = await ask('alice');
      expect({ status: refused.status, code: refused.body.code }).toEqual({
        status: 429,
        code: 'rate_limited',
      });
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      const unknown = newName();
      for (let i = 0; i < 3; i++) await ask(unknown).expect(202);
      await ask(unknown).expect(429);
      await sample.as('alice');
    } finally {
      await sample.stop();
    }
  });

  it('count wrong tokens per client IP, and give right ones back', async () => {
    const sample = await Sample.start({ env: { LOGIN_QUOTA: '1' } });
    try {
      const confirm = (token: string) =>
        sample.anybody().post('/auth/password-reset/confirm', { token, newPassword: NEW_PASSWORD });
      const token = await resetTokenFor(sample.url, 'alice');
      for (let i = 0; i < 9; i++) await confirm('wrong').expect(401);
      await confirm(token).expect(204);
      await confirm('wrong').expect(401);
      await confirm('wrong').expect(429);
    } finally {
      await sample.stop();
    }
  });
});

/** Each step is a call of Redis; here the network fails between two of them, and comes back. */
describe('a password reset that breaks off', () => {
  let redis: RedisServer;
  let proxy: CutOffProxy;
  let sample: Sample;
  let thief: Client;
  let token: string;

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
    thief = await sample.newcomer();
    token = await resetTokenFor(sample.url, thief.username);
  });

  const confirm = () =>
    sample
      .anybody()
      .post('/auth/password-reset/confirm', { token, newPassword: NEW_PASSWORD })
      .then((reply) => reply);
  const loginStatus = async (password: string): Promise<number> => {
    const { username } = thief;
    return (await sample.anybody().post('/auth/login', { username, password })).status;
  };
  async function breakOff(gate: Gate): Promise<void> {
    const reply = confirm();
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

  it('before anything: everything is as it was, the message too', async () => {
    await breakOff(hold(sample.app.get(OneTimeTokens), 'consume', 'before'));
    expect(await thief.denial()).toBeUndefined();
    expect(await loginStatus(PASSWORD)).toBe(200);
    expect((await confirm()).status).toBe(204);
  });

  it('once the message is used: the password is the old one, and no session is left', async () => {
    await breakOff(hold(sample.app.get(OneTimeTokens), 'consume', 'after'));
    expect(await thief.denial()).toBe('session_revoked');
    expect(await loginStatus(PASSWORD)).toBe(200);
    expectProblem(await confirm(), 401, 'token_invalid');
  });

  it('once the new password stands: no session from before it is left', async () => {
    await breakOff(hold(sample.app.get(SessionService), 'revokeAll', 'before'));
    expect(await thief.denial()).toBe('session_revoked');
    expect(await loginStatus(PASSWORD)).toBe(401);
    expect(await loginStatus(NEW_PASSWORD)).toBe(200);
  });
});
