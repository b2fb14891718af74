import { Client, expectProblem } from '../sample/support/client.js';
import { describeSample } from '../sample/support/sample.js';
import { bearer, SocketClient, StreamClient } from './support/clients.js';

describeSample('the live connections of the sample', (sample) => {
  const opened: { close(): void }[] = [];
  const stream = async (client: Client): Promise<StreamClient> => {
    const one = await StreamClient.open(client.url, bearer(client.token));
    opened.push(one);
    await one.event('hello');
    return one;
  };
  const socket = async (client: Client): Promise<SocketClient> => {
    const one = await SocketClient.open(client.url, bearer(client.token));
    opened.push(one);
    return one;
  };
  afterEach(() => {
    for (const one of opened.splice(0)) one.close();
  });

  it('say hello on a stream, and bring each new post to streams and sockets', async () => {
    const [writer, reader] = [await sample().newcomer(), await sample().newcomer()];
    const [events, messages] = [await stream(reader), await socket(reader)];
    expect((await events.event('hello')).data).toMatchObject({
      userId: reader.userId,
      session: { id: reader.sessionId, current: true },
    });
    expect(events.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { body } = await writer.post('/posts', { text: 'To everybody' }).expect(201);
    expect((await events.event('post')).data).toEqual(body.post);
    expect(await messages.message('post')).toEqual(body.post);
  });

  it('need a session: 401 before anything is opened', async () => {
    const { url } = sample();
    const refused = await StreamClient.open(url, {});
    expect(refused.response.statusCode).toBe(401);
    const { status, headers, body } = await SocketClient.refusal(url, {});
    expect({ status, code: body['code'] }).toEqual({ status: 401, code: 'session_missing' });
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'www-authenticate': 'Bearer realm="session"',
    });
    const nonsense = await SocketClient.refusal(url, bearer('lk_nonsense'));
    expect(nonsense.body['code']).toBe('session_invalid');
  });

  it('take the cookie from our own origin only, and never both credentials', async () => {
    const { url } = sample();
    const browser = await sample().as('bob', { transport: 'cookie' });
    const cookie = `__Host-session=${browser.token}`;
    const knock = async (headers: Record<string, string>) => {
      const { status, body } = await SocketClient.refusal(url, headers);
      return `${status} ${String(body['code'])}`;
    };
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: url.replace('127.0.0.1', 'localhost') },
      { 'sec-fetch-site': 'cross-site', origin: url },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      expect(await knock({ cookie, ...(headers as Record<string, string>) })).toBe('403 cross_origin');
    }
    expect(await knock({ cookie, ...bearer(browser.token) })).toBe('400 ambiguous_credentials');
    for (const headers of [{ origin: url }, { 'sec-fetch-site': 'same-origin' }, {}]) {
      const one = await SocketClient.open(url, { cookie, ...(headers as Record<string, string>) });
      one.close();
    }
  });

  it('refuse whoever is blocked, with 403', async () => {
    const user = await sample().newcomer();
    const mia = await sample().as('mia');
    await mia.post(`/moderation/users/${user.userId}/block`, { reason: 'spam' }).expect(200);
    const { status, body } = await SocketClient.refusal(user.url, bearer(user.token));
    expect({ status, code: body['code'], block: body['block'] }).toEqual({
      status: 403,
      code: 'user_blocked',
      block: { reason: 'spam' },
    });
    expectProblem(await user.get('/events'), 403, 'user_blocked');
  });

  it('end with a block: session-ended and 4403, and the receipt counts them', async () => {
    const user = await sample().newcomer();
    const [events, messages] = [await stream(user), await socket(user)];
    const bystander = await socket(await sample().newcomer());
    const mia = await sample().as('mia');
    const { body } = await mia.post(`/moderation/users/${user.userId}/block`, { reason: 'spam' }).expect(200);
    expect(body.receipt).toMatchObject({
      sessions: 1,
      connectionsClosed: 2,
      nodes: { confirmed: 1, expired: 0 },
    });
    expect((await events.event('session-ended')).data).toEqual({ code: 'user_blocked' });
    await events.ended();
    expect(await messages.ended()).toMatchObject({ code: 4403, reason: 'user_blocked' });
    bystander.send('ping');
    expect(await bystander.message('pong')).toEqual({});
  });

  it.each([
    ['a logout', (user: Client) => user.post('/auth/logout').expect(204)],
    ['a device logged out', (user: Client) => user.delete(`/sessions/${user.sessionId}`).expect(204)],
    ['a log-out everywhere', (user: Client) => user.delete('/sessions?scope=all').expect(200)],
  ])('end with %s: session-ended and 4401', async (_what, act) => {
    const user = await sample().newcomer();
    const [events, messages] = [await stream(user), await socket(user)];
    await act(user);
    expect((await events.event('session-ended')).data).toEqual({ code: 'session_revoked' });
    expect(await messages.ended()).toMatchObject({ code: 4401, reason: 'session_revoked' });
    await events.ended();
  });

  it('of the session that logs out all the others stay open', async () => {
    const user = await sample().newcomer();
    const other = await user.copy().login(user.username, 'a long enough password');
    const [mine, theirs] = [await socket(user), await socket(other)];
    await user.delete('/sessions?scope=others').expect(200);
    expect(await theirs.ended()).toMatchObject({ code: 4401 });
    mine.send('ping');
    expect(await mine.message('pong')).toEqual({});
  });

  it('check each inbound message: what only moderators may say', async () => {
    const moderator = await sample().newcomer(['user', 'moderator']);
    const [speaker, listener] = [await socket(moderator), await socket(await sample().newcomer())];
    await new Promise((resolve) => setTimeout(resolve, 100));
    speaker.send('announce', { text: 'Tea is served' });
    expect(await listener.message('announcement')).toEqual({ text: 'Tea is served', by: moderator.username });
    listener.send('announce', { text: 'No, it is not' });
    expect(await listener.message('exception')).toMatchObject({ code: 'forbidden', status: 403 });
    listener.send('ping'); // which does not end the connection
    expect(await listener.message('pong')).toEqual({});
    speaker.send('nonsense');
    expect(await speaker.message('exception')).toMatchObject({ code: 'bad_request' });
    listener.socket.send('{ no JSON');
    listener.send('ping');
  });

  it('close a socket that sends more than 16 KiB at once', async () => {
    const one = await socket(await sample().newcomer());
    one.send('ping', 'x'.repeat(16 * 1024));
    expect(await one.ended()).toMatchObject({ code: 1009 });
  });

  it('are limited to 16 of a session, and room is free again when one closes', async () => {
    const user = await sample().newcomer();
    const all = await Promise.all(Array.from({ length: 16 }, () => socket(user)));
    const { status, body } = await SocketClient.refusal(user.url, bearer(user.token));
    expect({ status, code: body['code'] }).toEqual({ status: 429, code: 'too_many_connections' });
    expectProblem(await user.get('/events'), 429, 'too_many_connections');
    all[0]?.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await socket(user);
  });
});
