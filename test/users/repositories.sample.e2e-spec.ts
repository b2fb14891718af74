import type { UserState } from '@latchkey/session';
import { type AdminWithdrawals, MemoryAdminWithdrawals } from '../../src/moderation/admin-withdrawals.js';
import { RedisAdminWithdrawals } from '../../src/moderation/redis-admin-withdrawals.js';
import { MemoryPostRepository } from '../../src/posts/memory-post-repository.js';
import type { PostRepository } from '../../src/posts/post-repository.js';
import { RedisPostRepository } from '../../src/posts/redis-post-repository.js';
import { RedisStore } from '../../src/redis/redis-store.js';
import { type Account, newUserId } from '../../src/users/account.js';
import type { AccountRepository } from '../../src/users/account-repository.js';
import { MemoryAccountRepository } from '../../src/users/memory-account-repository.js';
import { RedisAccountRepository } from '../../src/users/redis-account-repository.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { STORAGES } from '../sample/support/sample.js';

interface Repositories {
  readonly accounts: AccountRepository;
  readonly posts: PostRepository;
  readonly withdrawals: AdminWithdrawals;
}

/** What each repository of the sample promises, whatever it keeps things in. */
describe.each(STORAGES)("the sample's repositories (%s)", (storage) => {
  let server: RedisServer | undefined;
  let repositories: Repositories;

  beforeAll(async () => {
    server = storage === 'redis' ? await RedisServer.start() : undefined;
  });
  afterAll(() => server?.stop());

  beforeEach(async () => {
    if (!server) {
      repositories = {
        accounts: new MemoryAccountRepository(),
        posts: new MemoryPostRepository(),
        withdrawals: new MemoryAdminWithdrawals(),
      };
      return;
    }
    const client = server.client();
    await client.flushall();
    const store = new RedisStore(client, PATIENT_MS);
    repositories = {
      accounts: new RedisAccountRepository(store),
      posts: new RedisPostRepository(store),
      withdrawals: new RedisAdminWithdrawals(store),
    };
  });

  describe('accounts', () => {
    const account = (username: string): Account => ({
      id: newUserId(),
      username,
      passwordHash: `hash of ${username}`,
      createdAt: 1_700_000_000_000,
    });

    it('are found by id and by user name', async () => {
      const { accounts } = repositories;
      const ünal = account('ünal-ÿ_1');
      await expect(accounts.create(ünal)).resolves.toBe(true);
      await expect(accounts.findById(ünal.id)).resolves.toEqual(ünal);
      await expect(accounts.findByUsername('ünal-ÿ_1')).resolves.toEqual(ünal);
      await expect(accounts.findById('nobody')).resolves.toBeUndefined();
      await expect(accounts.findByUsername('nobody')).resolves.toBeUndefined();
      await expect(accounts.findByUsername('__proto__')).resolves.toBeUndefined();
    });

    it('get a user name once', async () => {
      const { accounts } = repositories;
      const rivals = Array.from({ length: 20 }, () => account('alice'));
      const made = await Promise.all(rivals.map((rival) => accounts.create(rival)));
      expect(made.filter(Boolean)).toHaveLength(1);
      const winner = rivals[made.indexOf(true)] as Account;
      await expect(accounts.findByUsername('alice')).resolves.toEqual(winner);
      await expect(accounts.list({ limit: 100 })).resolves.toEqual([winner]);
      const loser = rivals.find((rival) => rival !== winner) as Account;
      await expect(accounts.findById(loser.id)).resolves.toBeUndefined();
    });

    it('are listed in pages, newest first', async () => {
      const { accounts } = repositories;
      await expect(accounts.list({ limit: 5 })).resolves.toEqual([]);
      const made = ['a', 'b', 'c', 'd', 'e'].map(account);
      for (const one of made) await accounts.create(one);
      const [a, b, c, d, e] = made as [Account, Account, Account, Account, Account];
      await expect(accounts.list({ limit: 2 })).resolves.toEqual([e, d]);
      await expect(accounts.list({ limit: 2, before: d.id })).resolves.toEqual([c, b]);
      await expect(accounts.list({ limit: 2, before: b.id })).resolves.toEqual([a]);
      await expect(accounts.list({ limit: 2, before: a.id })).resolves.toEqual([]);
      await expect(accounts.list({ limit: 2, before: 'nobody' })).resolves.toBeUndefined();
    });

    it('take a new password hash only in the place of the old one', async () => {
      const { accounts } = repositories;
      const alice = account('alice');
      await accounts.create(alice);
      const from = alice.passwordHash;
      const changes = await Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          accounts.replacePasswordHash(alice.id, { from, to: `hash ${n}` }),
        ),
      );
      expect(changes.filter(Boolean)).toHaveLength(1);
      const passwordHash = `hash ${changes.indexOf(true)}`;
      await expect(accounts.findByUsername('alice')).resolves.toEqual({ ...alice, passwordHash });
      await expect(accounts.replacePasswordHash(alice.id, { from, to: 'x' })).resolves.toBe(false);
      await expect(accounts.replacePasswordHash('nobody', { from, to: 'x' })).resolves.toBe(false);
    });
  });

  describe('e-mail addresses', () => {
    it('are kept by account, the newest', async () => {
      const { accounts } = repositories;
      await expect(accounts.findEmail('a1')).resolves.toBeUndefined();
      await accounts.create({ id: 'a1', username: 'ada', passwordHash: 'hash', createdAt: 1 });
      await accounts.setEmail('a1', 'ünal@example.org');
      await accounts.setEmail('a1', 'new@example.org');
      await expect(accounts.findEmail('a1')).resolves.toBe('new@example.org');
      await expect(accounts.findEmail('a2')).resolves.toBeUndefined();
    });

    it('go with the account, and none comes to one that is gone', async () => {
      const { accounts } = repositories;
      const [ada, bob] = ['ada', 'bob'].map((username) => {
        return { id: newUserId(), username, passwordHash: 'hash', createdAt: 1 };
      }) as [Account, Account];
      for (const one of [ada, bob]) await accounts.create(one);
      await accounts.setEmail(ada.id, 'ada@example.org');
      await accounts.remove(ada.id);
      await accounts.remove(ada.id);
      await accounts.setEmail(ada.id, 'late@example.org');
      for (const found of [
        accounts.findById(ada.id),
        accounts.findByUsername('ada'),
        accounts.findEmail(ada.id),
      ])
        await expect(found).resolves.toBeUndefined();
      await expect(accounts.list({ limit: 5 })).resolves.toEqual([bob]);
      const next = { ...ada, id: newUserId() };
      await expect(accounts.create(next)).resolves.toBe(true);
      await accounts.remove(ada.id); // the name is another's now
      await expect(accounts.findByUsername('ada')).resolves.toEqual(next);
    });
  });

  describe('posts', () => {
    const post = (text: string) => ({
      authorId: 'a1',
      authorName: 'alice',
      text,
      createdAt: 1_700_000_000_000,
    });

    it('get growing ids, also when they are written at once', async () => {
      const { posts } = repositories;
      const made = await Promise.all(Array.from({ length: 20 }, (_, n) => posts.create(post(`post ${n}`))));
      expect(made.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, n) => n + 1),
      );
    });

    it('are listed in pages, newest first, as the reader sees them', async () => {
      const { posts } = repositories;
      for (const text of ['one', 'two', '{"three": "\u0000"}']) await posts.create(post(text));
      await posts.like('2', 'reader');
      const page = await posts.list({ readerId: 'reader', limit: 2 });
      expect(page).toEqual([
        { ...post('{"three": "\u0000"}'), id: '3', likes: 0, likedByReader: false },
        { ...post('two'), id: '2', likes: 1, likedByReader: true },
      ]);
      await expect(posts.list({ readerId: 'another', limit: 2, before: '3' })).resolves.toEqual([
        { ...post('two'), id: '2', likes: 1, likedByReader: false },
        { ...post('one'), id: '1', likes: 0, likedByReader: false },
      ]);
      await expect(posts.list({ readerId: 'reader', limit: 2, before: '1' })).resolves.toEqual([]);
      await expect(
        posts.list({ readerId: 'reader', limit: 1, before: '999999999999999' }),
      ).resolves.toHaveLength(1);
    });

    it('are liked once by each person', async () => {
      const { posts } = repositories;
      await posts.create(post('one'));
      await Promise.all(Array.from({ length: 30 }, (_, n) => posts.like('1', `reader ${n % 3}`)));
      await expect(posts.like('1', 'reader 0')).resolves.toMatchObject({ likes: 3, likedByReader: true });
      await expect(posts.like('2', 'reader 0')).resolves.toBeUndefined();
    });

    it('go with their author, and so do the likes; no id comes twice, and nothing comes late', async () => {
      const { posts } = repositories;
      for (const text of ['one', 'two', 'three']) await posts.create(post(text));
      await posts.create({ ...post('other'), authorId: 'a2' });
      await posts.create(post('last'));
      await posts.like('4', 'a1');
      await posts.like('2', 'a2');
      const kept = await posts.of('a1', 3);
      expect([kept.posts.map(({ id }) => id), kept.likes, kept.isCut]).toEqual([
        ['5', '3', '2'],
        ['4'],
        true,
      ]);
      await expect(posts.of('a2', 3)).resolves.toMatchObject({ likes: ['2'], isCut: false });

      await posts.erase('a1');
      await posts.erase('a1');
      const left = await posts.list({ readerId: 'a2', limit: 10 });
      expect(left.map(({ id, likes }) => [id, likes])).toEqual([['4', 0]]);
      await expect(posts.of('a1', 3)).resolves.toEqual({ posts: [], likes: [], isCut: false });
      await expect(posts.of('a2', 3)).resolves.toMatchObject({ likes: [], isCut: false });
      await expect(posts.create(post('late'))).rejects.toMatchObject({ code: 'not_found' });
      await expect(posts.like('4', 'a1')).resolves.toBeUndefined();
      await expect(posts.create({ ...post('next'), authorId: 'a2' })).resolves.toMatchObject({ id: '6' });
    });

    it('go in steps, however many there are', async () => {
      const { posts } = repositories;
      for (let i = 0; i < 60; i++)
        await Promise.all(Array.from({ length: 20 }, () => posts.create(post('x'))));
      await posts.erase('a1');
      await expect(posts.list({ readerId: 'a2', limit: 10 })).resolves.toEqual([]);
    });
  });

  describe('admin withdrawals', () => {
    const state = (id: string, version: number): UserState => ({
      id,
      version,
      epoch: 1,
      status: 'active',
      roles: ['admin'],
    });

    it('let one of two admins who act on each other begin, whoever comes first', async () => {
      const { withdrawals } = repositories;
      const [a, b] = [state('a', 7), state('b', 9)];
      const began = await Promise.all([
        withdrawals.begin({ actor: a, target: b }),
        withdrawals.begin({ actor: b, target: a }),
      ]);
      expect(began.filter(Boolean)).toHaveLength(1);
    });

    it('hold for the version that they were begun for, and older ones, not for later ones', async () => {
      const { withdrawals } = repositories;
      const [a, b, c] = [state('a', 1), state('b', 9), state('c', 1)];
      await expect(withdrawals.begin({ actor: a, target: b })).resolves.toBe(true);
      await expect(withdrawals.begin({ actor: b, target: c })).resolves.toBe(false);
      await expect(withdrawals.begin({ actor: state('b', 8), target: c })).resolves.toBe(false);
      await expect(withdrawals.begin({ actor: state('b', 10), target: c })).resolves.toBe(true);
      await expect(withdrawals.begin({ actor: c, target: a })).resolves.toBe(false);
    });

    it('are not loosened by one for an older version, and may be begun again', async () => {
      const { withdrawals } = repositories;
      const a = state('a', 1);
      await withdrawals.begin({ actor: a, target: state('b', 10) });
      await expect(withdrawals.begin({ actor: a, target: state('b', 9) })).resolves.toBe(true);
      await expect(withdrawals.begin({ actor: state('b', 10), target: state('c', 1) })).resolves.toBe(false);
    });

    it('for good hold for every version, and may be begun again', async () => {
      const { withdrawals } = repositories;
      await withdrawals.retire('a');
      await withdrawals.retire('a');
      const [a, b] = [state('a', Number.MAX_SAFE_INTEGER), state('b', 1)];
      await expect(withdrawals.begin({ actor: state('a', 1e15), target: b })).resolves.toBe(false);
      await expect(withdrawals.begin({ actor: b, target: a })).resolves.toBe(true);
    });
  });
});
