import type { INestApplication } from '@nestjs/common';
import { UserStateService } from '@latchkey/session';
import { loginAs, type LoggedIn } from '@latchkey/session/testing';
import { EventSource } from 'eventsource';
import { start } from '../../examples/sse/app.js';

describe('examples/sse, by the package eventsource', () => {
  let app: INestApplication;
  let url: string;
  const open: EventSource[] = [];

  beforeAll(async () => {
    app = await start(0);
    url = await app.getUrl();
  });
  afterEach(() => {
    for (const source of open.splice(0)) source.close();
  });
  afterAll(() => app.close());

  /** Everything that a client hears, by the name of its event. */
  function listen({ cookie }: LoggedIn, lastEventId?: string): { source: EventSource; heard: string[] } {
    const own = { cookie, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) };
    const source = new EventSource(`${url}/news`, {
      fetch: (input, init) => fetch(input, { ...init, headers: { ...own, ...init.headers } }),
    });
    open.push(source);
    const heard: string[] = [];
    source.addEventListener('news', ({ data, lastEventId: id }) => heard.push(`${id} ${String(data)}`));
    source.addEventListener('session-ended', ({ data }) => heard.push(String(data)));
    source.addEventListener('error', ({ code }) => heard.push(`error ${code ?? 'by the connection'}`));
    return { source, heard };
  }
  const publish = (by: LoggedIn, text: string) =>
    fetch(`${url}/news`, {
      method: 'POST',
      headers: { cookie: by.cookie, 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    });
  const until = async (condition: () => boolean) => {
    for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(condition()).toBe(true);
  };

  it('brings news to people with a session, and what was missed to those who come back', async () => {
    const eve = await loginAs(app, { userId: 'eve', roles: ['editor'] });
    const ada = await loginAs(app, { userId: 'ada' });
    expect((await publish(ada, 'no')).status).toBe(403);
    const { source, heard } = listen(ada);
    await until(() => source.readyState === EventSource.OPEN);
    await publish(eve, 'one');
    await until(() => heard.length === 1);
    expect(heard).toEqual(['1 {"text":"one"}']);
    source.close();
    await publish(eve, 'two');
    const again = listen(ada, '1');
    await until(() => again.heard.length === 1);
    expect(again.heard).toEqual(['2 {"text":"two"}']);
    const odd = listen(ada, '1; DROP');
    await until(() => odd.heard.length === 2);
  });

  it('ends with the session, and the client does not come back', async () => {
    const bob = await loginAs(app, { userId: 'bob' });
    const { source, heard } = listen(bob, '999');
    await until(() => source.readyState === EventSource.OPEN);
    await app.get(UserStateService).block('bob', { reason: 'spam' });
    await until(() => source.readyState === EventSource.CLOSED);
    expect(heard[0]).toBe('{"code":"user_blocked"}');
    expect(heard.at(-1)).toBe('error 403');
  });

  it('is for nobody without one', async () => {
    const { source, heard } = listen({ cookie: '' } as LoggedIn);
    await until(() => source.readyState === EventSource.CLOSED);
    expect(heard).toEqual(['error 401']);
  });
});
