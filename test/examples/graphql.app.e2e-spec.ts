import type { INestApplication } from '@nestjs/common';
import { loginAs } from '@latchkey/session/testing';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { start } from '../../examples/graphql/app.js';
import { until } from './support/until.js';

describe('examples/graphql, by graphql-ws and fetch', () => {
  let app: INestApplication;
  let url: string;
  const clients: Client[] = [];

  beforeAll(async () => {
    app = await start(0);
    url = `${await app.getUrl()}/graphql`;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.dispose();
  });
  afterAll(() => app.close());

  async function ask(query: string, headers: Readonly<Record<string, string>> = {}) {
    const reply = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    const { data, errors } = (await reply.json()) as {
      data: unknown;
      errors?: { extensions: { code: string } }[];
    };
    return { data, codes: (errors ?? []).map(({ extensions }) => extensions.code) };
  }

  /** What a subscription to new posts hears, and how its connection ended. */
  function listen(authorization?: string) {
    const heard: unknown[] = [];
    const ends: unknown[] = [];
    let isOpen = false;
    const client = createClient({
      url: url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      ...(authorization === undefined ? {} : { connectionParams: { authorization } }),
      on: {
        connected: () => (isOpen = true),
        closed: (event) => {
          const { code, reason } = event as { code: number; reason: string };
          ends.push(`${code} ${reason}`);
        },
      },
    });
    clients.push(client);
    client.subscribe(
      { query: 'subscription { postAdded { text author } }' },
      {
        next: ({ data, errors }) =>
          heard.push({ data, codes: errors?.map((one) => one.extensions?.['code']) }),
        error: () => undefined,
        complete: () => undefined,
      },
    );
    return { heard, ends, isOpen: () => isOpen };
  }
  const publish = (text: string, headers: Readonly<Record<string, string>>) =>
    ask(`mutation { publish(text: "${text}") { id } }`, headers);

  it('answers each field by its own decorators', async () => {
    const eve = await loginAs(app, { userId: 'eve', roles: ['editor', 'admin'] });
    const ada = await loginAs(app, { userId: 'ada', roles: [] });
    expect(await ask('{ me }', ada.headers)).toEqual({ data: { me: 'ada' }, codes: [] });
    expect(await ask('{ posts { id } me }')).toEqual({
      data: { posts: [], me: null },
      codes: ['session_missing'],
    });
    expect(await publish('no', ada.headers)).toEqual({ data: { publish: null }, codes: ['forbidden'] });
    expect(await publish('one', eve.headers)).toEqual({ data: { publish: { id: 1 } }, codes: [] });
    expect(await ask('{ posts { text author } }', ada.headers)).toEqual({
      data: { posts: [{ text: 'one', author: null }] },
      codes: ['forbidden'],
    });
    expect(await ask('{ posts { text author } }', eve.headers)).toEqual({
      data: { posts: [{ text: 'one', author: 'eve' }] },
      codes: [],
    });
  });

  it('refuses a mutation by cookie from a page of another origin', async () => {
    const { cookie } = await loginAs(app, { userId: 'eve', roles: ['editor', 'admin'] });
    const foreign = { cookie, origin: 'https://evil.example' };
    expect(await publish('no', foreign)).toEqual({ data: { publish: null }, codes: ['cross_origin'] });
  });

  it('ends a subscription with a block, at once', async () => {
    const eve = await loginAs(app, { userId: 'eve', roles: ['editor', 'admin'] });
    const bob = await loginAs(app, { userId: 'bob' });
    const { heard, ends, isOpen } = listen(bob.authorization);
    await until(isOpen);
    await until(async () => {
      await publish('two', eve.headers);
      return heard.length > 0;
    });
    expect(heard[0]).toEqual({ data: { postAdded: { text: 'two', author: null } }, codes: ['forbidden'] });
    const before = heard.length;
    expect(await ask('mutation { block(userId: "bob") }', eve.headers)).toEqual({
      data: { block: 'bob' },
      codes: [],
    });
    await publish('three', eve.headers);
    await until(() => ends.length > 0);
    expect(ends).toEqual(['4403 user_blocked']);
    expect(JSON.stringify(heard.slice(before))).not.toContain('three');
    expect(await ask('{ me }', bob.headers)).toEqual({ data: { me: null }, codes: ['user_blocked'] });
  });

  it('lets nobody subscribe without a session', async () => {
    const { heard } = listen();
    await until(() => heard.length > 0);
    expect(heard).toEqual([{ data: undefined, codes: ['session_missing'] }]);
  });
});
