import { OneTimeTokens } from '@latchkey/session';
import { FakeClock } from '@latchkey/session/testing';
import { type Client, expectProblem } from '../sample/support/client.js';
import { hold } from '../sample/support/gate.js';
import { messagesOf } from '../sample/support/outbox.js';
import { describeSample, PASSWORD, Sample } from '../sample/support/sample.js';

describeSample('the proof of an e-mail address', (sample) => {
  let owner: Client;

  beforeEach(async () => {
    owner = await sample().newcomer();
  });

  const confirm = (token: string) => sample().anybody().post('/auth/email-proof/confirm', { token });
  const emailOf = async (client: Client): Promise<string | undefined> =>
    (await client.get('/auth/me').expect(200)).body.user.email;
  /** @returns the token that was sent there */
  async function ask(email: string): Promise<string> {
    await owner.post('/auth/email-proof', { email }).expect(202);
    const [message] = await messagesOf(sample().url);
    expect(message).toMatchObject({ to: email, purpose: 'email-proof' });
    return message?.token ?? '';
  }

  it('is done by whoever reads the message, once, and told to the owner alone', async () => {
    expect(await emailOf(owner)).toBeUndefined();
    const token = await ask('me@example.org');
    expect(await emailOf(owner)).toBeUndefined();
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => confirm(token).then((reply) => reply)),
    );
    expect(replies.filter(({ status }) => status === 204)).toHaveLength(1);
    for (const reply of replies) if (reply.status !== 204) expectProblem(reply, 401, 'token_invalid');
    expect(await emailOf(owner)).toBe('me@example.org');
    const mia = await sample().as('mia');
    expect(JSON.stringify((await mia.get('/moderation/users').expect(200)).body)).not.toContain(
      'me@example.org',
    );
  });

  it('takes the newest message only, and the address that it went to', async () => {
    const old = await ask('old@example.org');
    const newest = await ask('new@example.org');
    expectProblem(await confirm(old), 401, 'token_invalid');
    await confirm(newest).expect(204);
    expect(await emailOf(owner)).toBe('new@example.org');
  });

  it('survives a change of password, which voids what was asked for before it', async () => {
    await confirm(await ask('first@example.org')).expect(204);
    const token = await ask('second@example.org');
    const body = { currentPassword: PASSWORD, newPassword: 'another good password' };
    owner.token = (await owner.put('/auth/password', body).expect(200)).body.token;
    expectProblem(await confirm(token), 401, 'token_invalid');
    expect(await emailOf(owner)).toBe('first@example.org');
  });

  it('sends nothing for a session that was ended while it asked', async () => {
    const gate = hold(sample().app.get(OneTimeTokens), 'issue', 'before');
    const asking = owner.post('/auth/email-proof', { email: 'thief@example.org' }).then((reply) => reply);
    await gate.reached;
    const other = await sample().anybody().login(owner.username, PASSWORD);
    await other.delete('/sessions?scope=others').expect(200);
    gate.open();
    expectProblem(await asking, 409, 'conflict');
    expect(JSON.stringify(await messagesOf(sample().url))).not.toContain('thief@example.org');
  });

  it('does not reset a password, nor the other way round', async () => {
    const token = await ask('me@example.org');
    const reset = { token, newPassword: 'another good password' };
    expectProblem(await sample().anybody().post('/auth/password-reset/confirm', reset), 401, 'token_invalid');
    await owner.post('/auth/password-reset', { username: owner.username }).expect(202);
    const [message] = await messagesOf(sample().url);
    expectProblem(await confirm(message?.token ?? ''), 401, 'token_invalid');
    await confirm(token).expect(204);
  });

  it.each([
    ['nobody'],
    ['a@b'],
    [''],
    [7],
    [`${'x'.repeat(250)}@example.org`],
    ['\ud800'],
    ['a\udc00@example.org'],
  ])('refuses %j', async (email) => {
    expectProblem(await owner.post('/auth/email-proof', { email }), 400, 'bad_request');
  });

  it('needs a session', async () => {
    const reply = await sample().anybody().post('/auth/email-proof', { email: 'me@example.org' });
    expectProblem(reply, 401, 'session_missing');
  });
});

describe('the proof of an e-mail address', () => {
  it('needs a fresh login', async () => {
    const clock = new FakeClock();
    const sample = await Sample.start({ session: { clock } });
    try {
      const owner = await sample.newcomer();
      clock.advance(11 * 60_000);
      const reply = await owner.post('/auth/email-proof', { email: 'me@example.org' });
      expectProblem(reply, 401, 'reauthentication_required');
    } finally {
      await sample.stop();
    }
  });
});
