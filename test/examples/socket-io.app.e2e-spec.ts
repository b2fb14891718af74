import type { INestApplication } from '@nestjs/common';
import { UserStateService } from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import { io, type Socket } from 'socket.io-client';
import { start } from '../../examples/socket-io/app.js';
import { until } from './support/until.js';

describe('examples/socket-io, by socket.io-client', () => {
  let app: INestApplication;
  let url: string;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    app = await start(0);
    url = await app.getUrl();
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.disconnect();
  });
  afterAll(() => app.close());

  /** Everything that a client hears in a namespace. */
  function open(namespace: string, credentials: Parameters<typeof io>[1]) {
    const socket = io(`${url}/${namespace}`, { forceNew: true, reconnection: false, ...credentials });
    sockets.push(socket);
    const heard: string[] = [];
    socket.onAny((event: string, data: unknown) => heard.push(`${event} ${JSON.stringify(data)}`));
    socket.on('connect_error', (error: Error & { data?: { code: string } }) =>
      heard.push(`connect_error ${error.data?.code}`),
    );
    socket.on('disconnect', (reason) => heard.push(`disconnect ${reason}`));
    return { socket, heard, isOpen: () => socket.connected };
  }
  const codesOf = (heard: readonly string[]) =>
    heard.map((line) => /^([\w-]+) .*"code":"(\w+)"/.exec(line)?.slice(1).join(' ') ?? line);

  it('takes a token, or the cookie of a page of its own', async () => {
    const ada = await loginAs(app, { userId: 'ada', roles: [] });
    const bob = await loginAs(app, { userId: 'bob' });
    const first = open('chat', { auth: { token: ada.token } });
    const second = open('chat', { extraHeaders: { cookie: bob.cookie, origin: url } });
    await until(() => first.isOpen() && second.isOpen());
    expect(await first.socket.timeout(5_000).emitWithAck('say', 'hello')).toEqual({ ok: true });
    await until(() => second.heard.length > 0);
    expect(second.heard).toEqual(['said {"by":"ada","text":"hello"}']);
  });

  it.each<[string, string, (cookie: string) => Parameters<typeof io>[1]]>([
    ['nobody', 'session_missing', () => ({})],
    ['a token that was made up', 'session_invalid', () => ({ auth: { token: `lk_${'A'.repeat(90)}` } })],
    [
      'the cookie, from a page of another origin',
      'cross_origin',
      (cookie) => ({ extraHeaders: { cookie, origin: 'https://evil.example' } }),
    ],
  ])('refuses %s', async (_who, code, credentials) => {
    const { cookie } = await loginAs(app, { userId: 'ada' });
    const { heard } = open('chat', credentials(cookie));
    await until(() => heard.length > 0);
    expect(heard).toEqual([`connect_error ${code}`]);
  });

  it('checks each message, and a namespace as a whole', async () => {
    const { token } = await loginAs(app, { userId: 'ada', roles: [] });
    const chat = open('chat', { auth: { token } });
    await until(chat.isOpen);
    chat.socket.emit('announce', 'no');
    await until(() => chat.heard.length > 0);
    expect(codesOf(chat.heard)).toEqual(['exception forbidden']);
    const desk = open('desk', { auth: { token } });
    await until(() => desk.heard.length > 0);
    expect(desk.heard).toEqual(['connect_error forbidden']);
  });

  it('ends the sockets of a user who is blocked, and of an editor who is none any more', async () => {
    const eve = await loginAs(app, { userId: 'eve', roles: ['editor', 'admin'] });
    const bob = await loginAs(app, { userId: 'bob', roles: ['editor'] });
    const auth = { token: bob.token };
    const [chat, desk] = [open('chat', { auth }), open('desk', { auth })];
    await until(() => chat.isOpen() && desk.isOpen());
    expect(await desk.socket.timeout(5_000).emitWithAck('who')).toEqual({ id: 'bob', roles: ['editor'] });

    await app.get(UserStateService).setRoles('bob', []);
    await until(() => !desk.isOpen());
    expect(codesOf(desk.heard)).toEqual(['session-ended forbidden', 'disconnect io server disconnect']);
    expect(await chat.socket.timeout(5_000).emitWithAck('say', 'still here')).toEqual({ ok: true });

    const reply = await fetch(`${url}/users/bob/block`, { method: 'POST', headers: eve.headers });
    expect(reply.status).toBe(201);
    await until(() => !chat.isOpen());
    expect(codesOf(chat.heard).slice(-2)).toEqual([
      'session-ended user_blocked',
      'disconnect io server disconnect',
    ]);
    const again = open('chat', { auth });
    await until(() => again.heard.length > 0);
    expect(again.heard).toEqual(['connect_error user_blocked']);
  });
});
