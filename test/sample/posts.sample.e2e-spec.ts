import { expectProblem } from './support/client.js';
import { describeSample } from './support/sample.js';

interface PostBody {
  readonly id: string;
  readonly text: string;
}

describeSample('/posts', (sample) => {
  it('writes, reads and likes', async () => {
    const [alice, bob] = [await sample().as('alice'), await sample().as('bob')];
    const reply = await alice.post('/posts', { text: 'Hello, 😀!' }).expect(201);
    const { post } = reply.body;
    expect(post).toEqual({
      id: expect.stringMatching(/^\d+$/),
      author: { id: alice.userId, username: 'alice' },
      text: 'Hello, 😀!',
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      likes: 0,
      liked: false,
    });
    const liked = await bob.post(`/posts/${post.id}/like`).expect(200);
    expect(liked.body).toEqual({ post: { ...post, likes: 1, liked: true } });
    expect((await bob.post(`/posts/${post.id}/like`).expect(200)).body.post.likes).toBe(1);
    expect((await alice.post(`/posts/${post.id}/like`).expect(200)).body.post.likes).toBe(2);
    const list = await bob.get('/posts?limit=1').expect(200);
    expect(list.body).toEqual({ posts: [{ ...post, likes: 2, liked: true }] });
  });

  it('pages from the newest to the oldest, each post once', async () => {
    const alice = await sample().as('alice');
    for (let n = 1; n <= 7; n++) await alice.post('/posts', { text: `page ${n}` }).expect(201);
    const texts: string[] = [];
    let before = '';
    while (texts.length < 7) {
      const { body } = await alice.get(`/posts?limit=3${before}`).expect(200);
      const posts = body.posts as PostBody[];
      texts.push(...posts.map(({ text }) => text));
      before = `&before=${posts.at(-1)?.id}`;
    }
    expect(texts.slice(0, 7)).toEqual([7, 6, 5, 4, 3, 2, 1].map((n) => `page ${n}`));
    expect((await alice.get('/posts?before=1').expect(200)).body).toEqual({ posts: [] });
  });

  it('counts parallel likes exactly, and gives parallel posts ids of their own', async () => {
    const people = await Promise.all(['alice', 'bob', 'mia', 'root'].map((name) => sample().as(name)));
    const replies = await Promise.all(
      people.flatMap((person) =>
        [1, 2, 3].map((n) => person.post('/posts', { text: `at once ${n}` }).expect(201)),
      ),
    );
    expect(new Set(replies.map(({ body }) => body.post.id)).size).toBe(12);
    const id = replies[0]?.body.post.id as string;
    await Promise.all(
      people.flatMap((person) => [1, 2].map(() => person.post(`/posts/${id}/like`).expect(200))),
    );
    const { body } = await people[0]!.get('/posts?limit=100').expect(200);
    expect((body.posts as (PostBody & { likes: number })[]).find((post) => post.id === id)?.likes).toBe(4);
  });

  it.each([
    ['text', {}],
    ['text', { text: '' }],
    ['text', { text: ' \n\t ' }],
    ['text', { text: 'x'.repeat(501) }],
    ['text', { text: 7 }],
    ['text', { text: ['x'] }],
    ['author', { text: 'x', author: 'bob' }],
  ])('refuses a wrong %s', async (field, body) => {
    const alice = await sample().as('alice');
    const reply = await alice.post('/posts', body);
    expectProblem(reply, 400, 'bad_request');
    expect(reply.body.errors).toEqual([{ field, message: expect.any(String) }]);
  });

  it('takes 500 characters, whatever they are made of', async () => {
    const alice = await sample().as('alice');
    await alice.post('/posts', { text: '😀'.repeat(500) }).expect(201);
    await alice.post('/posts', { text: '😀'.repeat(501) }).expect(400);
  });

  it.each(['limit=0', 'limit=101', 'limit=-1', 'limit=1.5', 'limit=x', 'limit=', 'limit=1&limit=2'])(
    'refuses ?%s',
    async (query) => {
      const alice = await sample().as('alice');
      const reply = await alice.get(`/posts?${query}`);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.errors[0].field).toBe('limit');
    },
  );

  it.each([
    'before=0',
    'before=-1',
    'before=abc',
    'before=',
    'before=1e3',
    'before=1&before=2',
    'before[x]=1',
  ])('refuses ?%s', async (query) => {
    const alice = await sample().as('alice');
    const reply = await alice.get(`/posts?${query}`);
    if (query === 'before[x]=1')
      expect(reply.status).toBe(200); // an unknown parameter
    else expectProblem(reply, 400, 'bad_request');
  });

  it.each(['0', '999999999', '1.5', 'x', '1'.repeat(400), '%F0%9F%98%80', '-1', '1%20'])(
    'answers 404 for liking the id %.20s',
    async (id) => {
      const alice = await sample().as('alice');
      expectProblem(await alice.post(`/posts/${id}/like`), 404, 'not_found');
    },
  );

  it('is for those who are logged in', async () => {
    const nobody = sample().anybody();
    for (const test of [
      nobody.get('/posts'),
      nobody.post('/posts', { text: 'x' }),
      nobody.post('/posts/1/like'),
    ]) {
      expectProblem(await test, 401, 'session_missing');
    }
  });
});
