import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionModule, SessionService, UserStateService, type IssuedSession } from '@latchkey/session';
import type { Redis } from 'ioredis';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { everyOrder, Stage } from '../support/schedule.js';
import type {
  SessionRepository,
  TokenProof,
} from '../../libs/session/src/storage/contract/session-repository.js';
import { SESSION_REPOSITORY, SESSION_SETTINGS } from '../../libs/session/src/options/injection-keys.js';
import type { SessionSettings } from '../../libs/session/src/options/settings.js';
import { SessionDataHandle } from '../../libs/session/src/services/data/session-data-handle.js';
import { SessionDataStore } from '../../libs/session/src/services/data/session-data-store.js';
import { RedisServer } from '../support/redis-server.js';

/** A step is a call of the repository and what comes of it. */
const STEPS = { one: 3, two: 3, end: 1 } as const;
/** 7! / (3! · 3! · 1!) */
const ORDERS = 140;

let server: RedisServer;
let raw: Redis;
beforeAll(async () => {
  server = await RedisServer.start();
  raw = server.client();
});
afterAll(() => server.stop());

describe.each([
  ['memory', 1],
  ['redis', 2],
] as const)('two tabs that write, and an end, on %s', (storage, stride) => {
  let app: INestApplicationContext;
  let sessions: SessionService;
  let users: UserStateService;
  let repository: SessionRepository;
  let settings: SessionSettings;
  let stage: Stage;
  let played = 0;

  beforeAll(async () => {
    const options =
      storage === 'redis'
        ? { redis: server.url, commandTimeoutMs: 2_000 }
        : { allowMemoryInProduction: true };
    app = await NestFactory.createApplicationContext(SessionModule.forRoot(options), { logger: false });
    sessions = app.get(SessionService);
    users = app.get(UserStateService);
    repository = app.get(SESSION_REPOSITORY);
    settings = app.get(SESSION_SETTINGS);
    stage = new Stage();
    stage.pauseBefore(repository.data, 'read', 'write');
  });
  afterAll(() => app.close());

  const ends: Readonly<Record<string, (issued: IssuedSession) => Promise<unknown>>> = {
    'a logout': ({ session }) => sessions.revoke(session.userId, session.id, 'logout'),
    'a revocation of all': ({ session }) => sessions.revokeAll(session.userId),
    'a block that is lifted at once': async ({ session }) => {
      await users.block(session.userId, { reason: 'spam' });
      await users.unblock(session.userId);
    },
    'an erasure, and another login': async ({ session }) => {
      await users.erase(session.userId);
      await sessions.create(session.userId);
    },
    'a new token': ({ session }) => sessions.replaceToken(session),
  };

  it.each(Object.entries(ends))(
    'write nothing after %s',
    async (_name, end) => {
      let lost = 0;
      let inTime = 0;
      for (const order of orders(stride)) {
        const { results, stored, issued } = await play(order, end);
        const written = results.filter(({ status }) => status === 'fulfilled').length;
        const refused = results.filter((one) => one.status === 'rejected');
        for (const { reason } of refused) expect(reason).toMatchObject({ code: 'session_revoked' });
        lost += refused.length;
        inTime += written;
        // As the end found it, so it stayed: what was there then, or nothing at all.
        if (stored.after !== '') expect(stored.after).toBe(stored.atEnd);
        await expect(sessions.data(issued.session).read()).rejects.toMatchObject({ code: 'session_revoked' });
      }
      // In one order or another, both happened.
      expect(lost).toBeGreaterThan(0);
      expect(inTime).toBeGreaterThan(0);
    },
    60_000,
  );

  it('lose nothing when another session ends', async () => {
    const other = async ({ session }: IssuedSession) => {
      const [one] = (await sessions.list(session.userId)).filter(({ id }) => id !== session.id);
      await sessions.revoke(session.userId, one?.id ?? '');
      await sessions.revokeAll(session.userId, { except: session });
    };
    for (const order of orders(stride)) {
      const { results, issued } = await play(order, other);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
      expect((await sessions.data(issued.session).read()).data).toEqual({ one: 1, two: 1, both: 2 });
    }
  }, 60_000);

  async function play(order: readonly string[], end: (issued: IssuedSession) => Promise<unknown>) {
    const issued = await sessions.create(`user-${played++}`, { data: {} });
    await sessions.create(issued.session.userId, { data: { other: true } });
    const stored = { atEnd: '', after: '' };
    // Each tab on a node of its own: those of one process take turns.
    const tab = (name: string) => async () => {
      const proof = (await sessions.parse(issued.token)) as TokenProof;
      const store = new SessionDataStore(repository.data, settings.sessionData, () => undefined);
      const data = new SessionDataHandle<Record<string, number>>(store, proof, await store.read(proof));
      await data.increment(name);
      await data.increment('both');
    };
    const ended = await stage.play(order, {
      one: tab('one'),
      two: tab('two'),
      end: () =>
        stage.atOnce(async () => {
          stored.atEnd = await rawDataOf(issued);
          await end(issued);
        }),
    });
    if (ended['end']?.status !== 'fulfilled') throw (ended['end'] as PromiseRejectedResult).reason;
    stored.after = await rawDataOf(issued);
    return { results: [ended['one'], ended['two']] as PromiseSettledResult<unknown>[], stored, issued };
  }

  /** What is kept of a session's data, whether or not anybody may read it; empty for nothing. */
  async function rawDataOf({ session }: IssuedSession): Promise<string> {
    if (storage === 'redis') {
      return (await raw.hget(`lk:{${userRefOf(session.userId)}}:data`, session.id)) ?? '';
    }
    const entry = (repository.users as unknown as MemoryInside).entries.get(userRefOf(session.userId));
    return entry?.sessions.get(session.id)?.data?.payload.toString() ?? '';
  }
});

/** Every so-manieth order. */
function* orders(stride: number): Generator<string[]> {
  let found = 0;
  for (const order of everyOrder(STEPS)) if (found++ % stride === 0) yield order;
  expect(found).toBe(ORDERS);
}

interface MemoryInside {
  readonly entries: Map<string, { sessions: Map<string, { data?: { payload: Buffer } }> }>;
}
