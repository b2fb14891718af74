import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { UserQuota } from '../../libs/session/src/model/quota.js';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';
import { newSession, RELAXED_SETTINGS } from '../../libs/session/src/testing/contract/support.js';
import { RedisServer } from '../support/redis-server.js';

/** With its prefix as long as a session ID. */
const BY_USER: UserQuota = { name: 'fourteen-chars', quota: 5, windowMs: 60_000, burst: 5, by: 'user' };
const BY_SESSION: UserQuota = { name: 'brief', quota: 5, windowMs: 100, burst: 5, by: 'session' };

let server: RedisServer;
let repository: SessionRepository;
let redis: Redis;
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.client();
});
const open = (maxSessionsPerUser: number) => {
  const options = { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: 2_000 };
  return openRedisRepository(options, { ...RELAXED_SETTINGS, maxSessionsPerUser });
};
beforeEach(async () => {
  await redis.flushall();
  repository = await open(2);
});
afterEach(() => repository.close());
afterAll(() => server.stop());

async function login(on = repository) {
  const { session, proof } = newSession({ userId: 'ada' });
  const created = await on.create(session);
  if (created.outcome !== 'created') throw new Error(`create answered ${created.outcome}`);
  return { ...session, proof, evicted: created.evicted };
}

const keyOfUser = async (): Promise<string> => {
  const keys = await redis.keys('*');
  expect(keys).toHaveLength(1);
  return keys[0] as string;
};
const quotaFields = async () =>
  (await redis.hkeys(await keyOfUser())).filter((field) => field.startsWith('q:')).sort();

describe('the one hash of a user', () => {
  it('holds quotas beside sessions, and no quota is taken for a session, however long its name', async () => {
    const [one, two] = [await login(), await login()];
    await repository.authenticate(one.proof, { touchIfRoles: [], quotas: [BY_USER, BY_SESSION] });
    expect(await quotaFields()).toEqual([`q:brief/${one.sessionId}`, 'q:fourteen-chars']);
    expect(await redis.object('ENCODING', await keyOfUser())).toBe('listpack');

    const ids = async () => (await repository.list('ada')).map(({ id }) => id).sort();
    expect(await ids()).toEqual([one.sessionId, two.sessionId].sort());
    const three = await login();
    expect(await ids()).toEqual([two.sessionId, three.sessionId].sort());
    expect(await repository.revokeAll('ada')).toMatchObject({ outcome: 'revoked', sessions: 2 });
  });

  it('loses a quota that is full again with the next login, and keeps one that is not', async () => {
    const { proof } = await login();
    await repository.authenticate(proof, { touchIfRoles: [], quotas: [BY_USER, BY_SESSION] });
    await sleep(40);
    await login();
    expect(await quotaFields()).toEqual(['q:fourteen-chars']);
    const lookup = await repository.authenticate(proof, { touchIfRoles: [], quotas: [BY_USER] });
    expect(lookup).toMatchObject({ quotas: [{ allowed: true, remaining: 3 }] });
  });

  it('loses the quotas of a session that has ended with the next login, and keeps those of the others', async () => {
    const daily: UserQuota = { ...BY_SESSION, name: 'daily', windowMs: 86_400_000 };
    const first = await login();
    await sleep(2); // within one millisecond, neither is the older one
    const logins = [first, await login()];
    for (const { proof } of logins) {
      await repository.authenticate(proof, { touchIfRoles: [], quotas: [daily, BY_USER] });
    }
    await login(); // over the cap: the oldest ends
    expect(await quotaFields()).toEqual([`q:daily/${logins[1]?.sessionId}`, 'q:fourteen-chars']);
    await repository.revoke('ada', logins[1]?.sessionId as string, 'logout');
    await repository.sweep('ada');
    expect(await quotaFields()).toEqual(['q:fourteen-chars']);
  });

  it('of a user of whom nothing is known goes when its quotas are full, and stays once there is a record', async () => {
    const consume = () =>
      repository.quota({ operation: 'consume', policy: BY_USER, partition: { userId: 'ada' }, cost: 5 });
    expect(await consume()).toMatchObject({ allowed: true, remaining: 0 });
    const ttl = await redis.pttl(await keyOfUser());
    expect(ttl).toBeGreaterThan(55_000);
    expect(ttl).toBeLessThanOrEqual(60_000);
    expect(await repository.users.read('ada')).toBeUndefined();

    const { proof } = await login();
    expect(await redis.pttl(await keyOfUser())).toBe(-1);
    const lookup = await repository.authenticate(proof, { touchIfRoles: [], quotas: [BY_USER] });
    expect(lookup).toMatchObject({ status: 'live', quotas: [{ allowed: false, remaining: 0 }] });
  });

  it('is made to fit a cap that was lowered: as many as are too many end with one login, the oldest', async () => {
    const generous = await open(6);
    const logins = [];
    for (let i = 0; i < 6; i++) {
      logins.push(await login(generous));
      await sleep(3);
    }
    await generous.close();
    const last = await login();
    expect(last.evicted).toEqual(logins.slice(0, 5).map(({ sessionId }) => sessionId));
    const left = (await repository.list('ada')).map(({ id }) => id);
    expect(left).toEqual([last.sessionId, logins[5]?.sessionId]);
  });

  it('holds nothing of a session that ended a day ago once it was swept', async () => {
    const [one] = [await login(), await login()];
    await repository.revoke('ada', one.sessionId, 'logout');
    await repository.close();
    const options = { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: 2_000 };
    repository = await openRedisRepository(options, { ...RELAXED_SETTINGS, rememberEndedMs: 1 });
    await sleep(10);
    expect(await repository.sweep('ada')).toBe(1);
    const fields = await redis.hkeys(await keyOfUser());
    expect(fields.filter((field) => field.startsWith(one.sessionId))).toEqual([]);
    expect(await repository.list('ada')).toHaveLength(1);
  });

  it('is asked for again by a node with a UserDirectory if it does not say how old it is', async () => {
    const { proof } = await login();
    await repository.close();
    const options = { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: 2_000 };
    repository = await openRedisRepository(options, { ...RELAXED_SETTINGS, maxStateAgeMs: 60_000 });
    const demand = { touchIfRoles: [], quotas: [] };
    expect(await repository.authenticate(proof, demand)).toEqual({ kind: 'load', userId: 'ada' });
    const nonce = await repository.users.beginLoad('ada', 'nonce');
    expect(await repository.users.finishLoad({ userId: 'ada', roles: ['user'] }, nonce)).toBe(true);
    expect(await repository.authenticate(proof, demand)).toMatchObject({ kind: 'known', status: 'live' });
  });

  it('that says blocked counts nothing, whatever else it says', async () => {
    const { proof, session } = newSession({ userId: 'ada' });
    await repository.create(session);
    const block = Buffer.alloc(15); // until lifted, without a word
    await redis.hset(await keyOfUser(), 'b', block);
    const lookup = await repository.authenticate(proof, { touchIfRoles: [], quotas: [BY_USER] });
    expect(lookup).toMatchObject({ user: { status: 'blocked' }, quotas: [] });
    expect(await quotaFields()).toEqual([]);
  });
});
