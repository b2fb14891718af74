import { AuditLog } from '@latchkey/session';
import type { AuditEventDto } from '../../src/audit/audit.dto.js';
import { type Client, expectProblem } from '../sample/support/client.js';
import { describeSample, newName, PASSWORD } from '../sample/support/sample.js';

describeSample('GET /moderation/audit', (sample) => {
  const eventsOf = async (reader: Client, userId: string, limit = 50): Promise<AuditEventDto[]> => {
    const reply = await reader.get(`/moderation/audit?userId=${userId}&limit=${limit}`).expect(200);
    return reply.body.events as AuditEventDto[];
  };

  it('tells who did what to whom, when and from where', async () => {
    const [mia, root, target] = [
      await sample().as('mia'),
      await sample().as('root'),
      await sample().newcomer(),
    ];
    const startedAt = Date.now();
    const path = `/moderation/users/${target.userId}`;
    await mia.post(`${path}/block`, { reason: 'Spam', until: '2099-01-31T12:00:00Z' }).expect(200);
    await mia.delete(`${path}/block`).expect(200);
    await target.login(target.username, PASSWORD);
    await mia.delete(`${path}/sessions`).expect(200);
    await root.put(`/admin/users/${target.userId}/roles`, { roles: ['user', 'moderator'] }).expect(200);

    const events = await eventsOf(root, target.userId);
    const [moderator, admin] = [
      { id: mia.userId, username: 'mia' },
      { id: root.userId, username: 'root' },
    ];
    const themselves = { id: target.userId, username: target.username };
    const common = {
      id: expect.any(String),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      ip: '127.0.0.1',
      outcome: 'ok',
    };
    const onTarget = { ...common, target: themselves };
    expect(events).toEqual([
      { ...onTarget, action: 'user.roles', actor: admin, details: { roles: ['user', 'moderator'] } },
      { ...onTarget, action: 'sessions.revoke', actor: moderator, details: { sessions: 1 } },
      { ...common, action: 'login', actor: themselves, details: { session: target.sessionId } },
      { ...onTarget, action: 'user.unblock', actor: moderator, details: {} },
      {
        ...onTarget,
        action: 'user.block',
        actor: moderator,
        details: { reason: 'Spam', until: '2099-01-31T12:00:00Z' },
      },
      { ...common, action: 'login', actor: themselves, details: { session: expect.any(String) } },
      { ...common, action: 'register', actor: themselves, details: { username: target.username } },
    ]);
    const at = Date.parse(events[4]?.at ?? '');
    expect(Math.abs(at - startedAt)).toBeLessThan(5_000);
  });

  it('tells of wrong passwords, logins of blocked users, and changes of passwords', async () => {
    const [mia, target] = [await sample().as('mia'), await sample().newcomer()];
    const login = (password: string) =>
      sample().anybody().post('/auth/login', { username: target.username, password, transport: 'bearer' });
    await login('a wrong password').expect(401);
    await target.post('/auth/reauthenticate', { password: 'another wrong one' }).expect(401);
    const wrong = { currentPassword: 'a third wrong one', newPassword: 'irrelevant to all' };
    await target.put('/auth/password', wrong).expect(401);
    const newPassword = 'an even longer password';
    await target.put('/auth/password', { currentPassword: PASSWORD, newPassword }).expect(200);
    await mia.post(`/moderation/users/${target.userId}/block`, { reason: 'Spam' }).expect(200);
    await login(newPassword).expect(403);

    const events = await eventsOf(mia, target.userId);
    expect(events.map(({ action, outcome, details }) => [action, outcome, details['code']])).toEqual([
      ['login', 'denied', 'user_blocked'],
      ['user.block', 'ok', undefined],
      ['password.change', 'ok', undefined],
      ['password.change', 'denied', 'bad_credentials'],
      ['reauthenticate', 'denied', 'bad_credentials'],
      ['login', 'denied', 'bad_credentials'],
      ['login', 'ok', undefined],
      ['register', 'ok', undefined],
    ]);
    expect(events.map(({ actor, target: whom }) => [actor?.id, whom?.id])[5]).toEqual([
      undefined,
      target.userId,
    ]);
    expect(JSON.stringify(events)).not.toMatch(/wrong|longer|argon2|lk_/);
  });

  it('tells who tried what without the right to, once each, and of nobody', async () => {
    const [mia, root, user] = [
      await sample().as('mia'),
      await sample().as('root'),
      await sample().newcomer(),
    ];
    await user.get('/moderation/users?limit=1').expect(403);
    await user.put(`/admin/users/${user.userId}/roles`, { roles: ['admin'] }).expect(403);
    await user.get('/moderation/audit').expect(403);
    await mia.post(`/moderation/users/${root.userId}/block`, { reason: 'A coup' }).expect(403);
    await sample().anybody().get('/moderation/audit').expect(401);

    const own = await eventsOf(root, user.userId);
    expect(own.slice(0, 3)).toEqual(
      [
        ['GET', '/moderation/audit'],
        ['PUT', `/admin/users/${user.userId}/roles`],
        ['GET', '/moderation/users'],
      ].map(([method, path]) => ({
        id: expect.any(String),
        at: expect.any(String),
        action: 'access',
        actor: { id: user.userId, username: user.username },
        ip: '127.0.0.1',
        outcome: 'denied',
        details: { code: 'forbidden', method, path },
      })),
    );
    const coups = (await eventsOf(root, mia.userId)).filter(({ details }) =>
      String(details['path']).includes(`/moderation/users/${root.userId}`),
    );
    expect(coups).toMatchObject([{ action: 'access', actor: { username: 'mia' }, outcome: 'denied' }]);
  });

  it('tells of acts that did not happen, once each', async () => {
    const [mia, target] = [await sample().as('mia'), await sample().newcomer()];
    await mia.post(`/moderation/users/${mia.userId}/block`, { reason: 'Myself' }).expect(409);
    const [event] = await eventsOf(mia, mia.userId, 1);
    expect(event).toMatchObject({ action: 'user.block', outcome: 'failed', details: { code: 'conflict' } });
    await sample()
      .anybody()
      .post('/auth/register', { username: target.username, password: PASSWORD })
      .expect(409);
    expect(await eventsOf(mia, target.userId)).toHaveLength(2);
  });

  it('pages, newest first', async () => {
    const mia = await sample().as('mia');
    const target = await sample().newcomer();
    for (let n = 0; n < 3; n++) {
      await mia.post(`/moderation/users/${target.userId}/block`, { reason: `Reason ${n}` }).expect(200);
    }
    const reasons = (events: AuditEventDto[]): unknown[] => events.map(({ details }) => details['reason']);
    const first = await mia.get('/moderation/audit?limit=2').expect(200);
    expect(reasons(first.body.events as AuditEventDto[])).toEqual(['Reason 2', 'Reason 1']);
    const last = (first.body.events as AuditEventDto[])[1];
    expect(first.body.next).toBe(last?.id);
    const second = await mia.get(`/moderation/audit?limit=1&before=${last?.id}`).expect(200);
    expect(reasons(second.body.events as AuditEventDto[])).toEqual(['Reason 0']);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'before=x', 'before=1', 'userId=x'])(
    'refuses ?%s',
    async (query) => {
      const mia = await sample().as('mia');
      expectProblem(await mia.get(`/moderation/audit?${query}`), 400, 'bad_request');
    },
  );

  it('is for moderators and admins', async () => {
    const user = await sample().newcomer();
    expectProblem(await sample().anybody().get('/moderation/audit'), 401, 'session_missing');
    expectProblem(await user.get('/moderation/audit'), 403, 'forbidden');
    await (await sample().as('mia')).get('/moderation/audit').expect(200);
    await (await sample().as('root')).get('/moderation/audit').expect(200);
  });

  it('gives names to those who still have an account', async () => {
    const mia = await sample().as('mia');
    const gone = `gone-${newName()}`.slice(0, 16).padEnd(16, '-');
    await sample()
      .app.get(AuditLog, { strict: false })
      .append({ action: 'user.erase', outcome: 'ok', targetId: gone });
    expect(await eventsOf(mia, gone)).toEqual([
      {
        id: expect.any(String),
        at: expect.any(String),
        action: 'user.erase',
        outcome: 'ok',
        target: { id: gone },
        details: {},
      },
    ]);
  });
});
