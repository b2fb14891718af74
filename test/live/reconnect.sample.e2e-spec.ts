import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../sample/support/client.js';
import { describeSample } from '../sample/support/sample.js';
import { bearer, StreamClient } from './support/clients.js';

describeSample('the stream of the sample', (sample) => {
  const opened: StreamClient[] = [];
  afterEach(() => opened.splice(0).forEach((stream) => stream.close()));

  async function open(reader: Client, lastEventId?: string): Promise<StreamClient> {
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const stream = await StreamClient.open(reader.url, { ...bearer(reader.token), ...headers });
    opened.push(stream);
    await stream.event('hello');
    await sleep(100); // Redis has subscribed
    return stream;
  }
  const postsOf = (stream: StreamClient) =>
    stream.events.filter(({ name }) => name === 'post').map(({ data }) => data['text']);
  async function until(stream: StreamClient, count: number): Promise<void> {
    for (let i = 0; i < 200 && postsOf(stream).length < count; i++) await sleep(10);
  }
  const write = (writer: Client, text: string) => writer.post('/posts', { text }).expect(201);

  it('says where to go on from, and when to try again', async () => {
    const [writer, reader] = [await sample().newcomer(), await sample().newcomer()];
    const { body } = await write(writer, 'before');
    const stream = await open(reader);
    expect(stream.events[0]).toMatchObject({ name: 'hello', id: body.post.id, retry: '2000' });
    const next = await write(writer, 'after');
    expect(await stream.event('post')).toMatchObject({ id: next.body.post.id, data: { text: 'after' } });
  });

  it('brings what was missed after a reconnect, each post once and in order, and then what comes', async () => {
    const [writer, reader] = [await sample().newcomer(), await sample().newcomer()];
    const first = await open(reader);
    const seenId = first.events[0]?.id; // nothing but hello has come
    first.close();
    for (const text of ['one', 'two', 'three']) await write(writer, text);
    const second = await open(reader, seenId);
    await write(writer, 'four');
    await until(second, 4);
    expect(postsOf(second)).toEqual(['one', 'two', 'three', 'four']);
    const { id: lastId } = second.events.at(-1) ?? {};
    second.close();
    await write(writer, 'five');
    const third = await open(reader, lastId);
    await until(third, 1);
    expect(postsOf(third)).toEqual(['five']);
    expect(third.events.map(({ name }) => name)).toEqual(['hello', 'post']);
  });

  it('brings the newest 100 of more, and says from where on', async () => {
    const [writer, reader] = [await sample().newcomer(), await sample().newcomer()];
    const first = await open(reader);
    first.close();
    const all = Array.from({ length: 103 }, (_, i) => `post ${i}`);
    for (const text of all) await write(writer, text);
    const second = await open(reader, first.events[0]?.id);
    await until(second, 100);
    expect(postsOf(second)).toEqual(all.slice(3));
    const before = String((await second.event('gap')).data['before']);
    const { body } = await reader.get(`/posts?limit=3&before=${before}`).expect(200);
    expect((body.posts as { text: string }[]).map(({ text }) => text)).toEqual([
      'post 2',
      'post 1',
      'post 0',
    ]);
  });

  it('says so where nobody can tell what was missed, and takes anything else for a first visit', async () => {
    const [writer, reader] = [await sample().newcomer(), await sample().newcomer()];
    const { body } = await write(writer, 'the newest');
    const unknown = await open(reader, '99999999');
    expect(unknown.events.map(({ name }) => name)).toEqual(['hello', 'gap']);
    expect(unknown.events[0]?.id).toBe(body.post.id);
    for (const nonsense of ['-1', 'x'.repeat(5_000), '1e3', '١', `${body.post.id}'`]) {
      const stream = await open(reader, Buffer.from(nonsense).toString('latin1'));
      expect(stream.events.map(({ name, id }) => [name, id])).toEqual([['hello', body.post.id]]);
      stream.close();
    }
  });
});
