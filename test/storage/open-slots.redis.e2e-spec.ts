import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { TokenProof } from '../../libs/session/src/storage/contract/session-repository.js';
import { newSession } from '../../libs/session/src/testing/contract/support.js';
import { OneTimeTokenScripts } from '../../libs/session/src/redis/scripts/one-time-tokens.js';
import type { NewOneTimeToken } from '../../libs/session/src/storage/contract/one-time-token-repository.js';
import { RedisOneTimeTokenRepository } from '../../libs/session/src/storage/redis/one-time-token-repository.js';
import { mintOneTimeToken, type OneTimeTokenProof } from '../../libs/session/src/token/one-time-token.js';
import { mintToken, userRefOf } from '../../libs/session/src/token/session-token.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { type SessionsOn, sessionsOn } from '../support/sessions-on.js';

let cluster: RedisCluster;
let admins: { readonly client: Redis; readonly id: string; readonly port: number }[];
let on: SessionsOn;
let tokens: RedisOneTimeTokenRepository;
beforeAll(async () => {
  cluster = await RedisCluster.start();
  admins = await Promise.all(
    cluster.nodes.map(async (node) => {
      const client = node.client();
      return { client, id: String(await client.cluster('MYID')), port: node.port };
    }),
  );
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
  on = await sessionsOn({ cluster: nodes });
  const { connection, keys } = on.repository;
  tokens = new RedisOneTimeTokenRepository(new OneTimeTokenScripts(connection, keys), on.repository.acts);
});
afterAll(async () => {
  await on?.close();
  await cluster?.stop();
});

const opened = new Set<string>();
const slotOf = async (key: string) => String(await admins[0]!.client.cluster('KEYSLOT', key));

/** As a move of slots begins it. @returns moves a key */
async function openSlotOf(key: string): Promise<(moved: string) => Promise<void>> {
  const slot = await slotOf(key);
  opened.add(slot);
  const owner = Math.floor(Number(slot) / (16_384 / 3));
  const [source, target] = [admins[owner]!, admins[(owner + 1) % 3]!];
  await target.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id);
  await source.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id);
  return async (moved) => {
    const reply = await source.client.call('MIGRATE', '127.0.0.1', String(target.port), moved, '0', '5000');
    expect(reply).toBe('OK');
  };
}

interface Person {
  readonly userId: string;
  readonly proof: TokenProof;
  readonly sessionId: string;
  readonly family: { readonly familyHash: Buffer; readonly refreshHash: Buffer };
}
const bytes = (fill: number, length = 32) => Buffer.alloc(length, fill);
const payload = Buffer.from('{"cart":[1]}');
const family = { familyHash: bytes(1), refreshHash: bytes(2), accessTokenTtlMs: 600_000 };
const wanted = { touchIfRoles: [], quotas: [] };

let people = 0;
/** Of a slot of its own: where one is open, what is new is on the other server already. */
async function newId(): Promise<string> {
  const id = `user-${people++}`;
  return opened.has(await slotOf(`lk:{${userRefOf(id)}}:user`)) ? newId() : id;
}

async function somebody(data?: Buffer): Promise<Person> {
  const userId = await newId();
  const { session, proof } = newSession({ userId, family, ...(data ? { data } : {}) });
  expect(await on.repository.create(session)).toMatchObject({ outcome: 'created' });
  return { userId, proof, sessionId: session.sessionId, family };
}

/** How the slot of a user is left by a move that was broken off. */
const states: Record<string, { readonly data: boolean; readonly moved: readonly ('user' | 'data')[] }> = {
  'with no data, not moved': { data: false, moved: [] },
  'with no data, moved': { data: false, moved: ['user'] },
  'with data that was not moved': { data: true, moved: ['user'] },
  'whose data alone was moved': { data: true, moved: ['data'] },
};

type Act = (who: Person, hasData: boolean) => Promise<void>;
const quota = { name: 'posts', quota: 5, windowMs: 60_000, burst: 5 };
const refused = async (proof: TokenProof) => {
  const found = await on.repository.authenticate(proof, wanted);
  expect(found).toMatchObject({ kind: 'known', status: 'revoked' });
};

const acts: Record<string, Act> = {
  'a check, with a quota': async ({ proof }) => {
    const found = await on.repository.authenticate(proof, {
      ...wanted,
      quotas: [{ ...quota, by: 'user' }],
    });
    expect(found).toMatchObject({ kind: 'known', status: 'live', quotas: [{ remaining: 4 }] });
  },
  'a check that brings data along': async ({ proof }, hasData) => {
    const quotas = [{ ...quota, by: 'user' as const }];
    const found = await on.repository.authenticate(proof, { ...wanted, quotas, withData: true });
    expect(found).toMatchObject({ status: 'live', quotas: [{ remaining: 4 }] });
    expect(found).toMatchObject({ data: { payload: hasData ? payload : Buffer.alloc(0) } });
  },
  'a login': async ({ userId }) => {
    const { session, proof } = newSession({ userId });
    expect(await on.repository.create(session)).toMatchObject({ outcome: 'created' });
    expect(await on.repository.authenticate(proof, wanted)).toMatchObject({ status: 'live' });
  },
  'a login with data': async ({ userId }) => {
    const { session, proof } = newSession({ userId, data: payload });
    expect(await on.repository.create(session)).toMatchObject({ outcome: 'created' });
    expect(await on.repository.data.read(proof)).toMatchObject({ payload });
  },
  'a refresh': async ({ proof }) => {
    const refreshed = await on.repository.refresh({
      proof: { ...proof, ...family },
      offer: { salt: bytes(3, 16), refreshHash: bytes(4), tokenHash: bytes(5) },
      device: { userAgent: '', ip: '' },
      accessTokenTtlMs: 600_000,
      graceMs: 0,
    });
    expect(refreshed).toMatchObject({ outcome: 'refreshed' });
  },
  'a new token': async ({ proof }, hasData) => {
    const { tokenHash: newTokenHash } = mintToken(proof);
    const change = { proof, newTokenHash, reauthenticated: true, revokeOthers: false };
    expect(await on.repository.replaceToken(change)).toMatchObject({ outcome: 'replaced' });
    const data = await on.repository.data.read({ ...proof, tokenHash: newTokenHash });
    expect(data?.payload).toEqual(hasData ? payload : Buffer.alloc(0));
  },
  'a block, and its end': async ({ userId, proof }) => {
    await on.users.block(userId, { reason: 'spam' });
    await refused(proof);
    expect(await on.users.unblock(userId)).toMatchObject({ status: 'active' });
    await refused(proof);
  },
  'a change of roles, and of the IP allowlist': async ({ userId, proof }) => {
    await on.users.setRoles(userId, ['moderator']);
    await on.users.setIpAllowlist(userId, ['10.0.0.0/8']);
    const found = await on.repository.authenticate(proof, wanted);
    expect(found).toMatchObject({ user: { roles: ['moderator'] }, ipAllowed: false });
  },
  'a load from the database of the app': async ({ userId, proof }) => {
    const nonce = await on.repository.users.beginLoad(userId, 'nonce');
    expect(
      await on.repository.users.finishLoad({ userId, roles: [], block: { reason: 'spam' } }, nonce),
    ).toBe(true);
    await refused(proof);
  },
  'a logout': async ({ userId, sessionId, proof }) => {
    expect(await on.repository.revoke(userId, sessionId, 'logout')).toBe(true);
    await refused(proof);
    expect(await on.repository.data.read(proof)).toBeUndefined();
  },
  'a logout everywhere': async ({ userId, proof }) => {
    expect(await on.repository.revokeAll(userId)).toMatchObject({ outcome: 'revoked', sessions: 1 });
    await refused(proof);
  },
  'a change of data': async ({ proof }) => {
    const ifVersion = (await on.repository.data.read(proof))?.version ?? -1;
    const write = { proof, ifVersion, payload: Buffer.from('{}'), isSameContent: false };
    expect(await on.repository.data.write(write)).toMatchObject({ outcome: 'written' });
    expect(await on.repository.data.write(write)).toMatchObject({ outcome: 'version_conflict' });
    expect(await on.repository.data.read(proof)).toMatchObject({ payload: write.payload });
    const foreign = { ...write, proof: { ...proof, tokenHash: bytes(9) } };
    expect(await on.repository.data.write(foreign)).toEqual({ outcome: 'refused' });
    expect(await on.repository.data.read(foreign.proof)).toBeUndefined();
  },
  'the end of a session for its data': async ({ proof }) => {
    const { version = -1 } = (await on.repository.data.read(proof)) ?? {};
    const late = await on.repository.data.end({ proof, ifVersion: version + 1 });
    expect(late).toMatchObject({ outcome: 'version_conflict', current: { version } });
    expect(await on.repository.data.end({ proof, ifVersion: version })).toEqual({ outcome: 'ended' });
    await refused(proof);
  },
  'a sweep, a list, a quota': async ({ userId }) => {
    expect(await on.repository.sweep(userId)).toBe(0);
    expect(await on.repository.list(userId)).toHaveLength(1);
    const share = { operation: 'consume', policy: quota, partition: { userId }, cost: 1 } as const;
    expect(await on.repository.quota(share)).toMatchObject({ allowed: true });
  },
  'an erasure': async ({ userId, proof }) => {
    expect(await on.repository.users.erase(userId)).toBe(1);
    expect(await on.repository.authenticate(proof, wanted)).toEqual({ kind: 'unknown' });
    for (const { client } of admins)
      expect((await client.keys(`lk:{${userRefOf(userId)}}:*`)).filter(Boolean)).toEqual([]);
  },
};

describe.each(Object.entries(states))('a user on a slot that is being moved, %s', (_, { data, moved }) => {
  it.each(Object.entries(acts))('is served: %s', async (_name, act) => {
    const person = await somebody(data ? payload : undefined);
    const keyOf = (name: string) => `lk:{${userRefOf(person.userId)}}:${name}`;
    const move = await openSlotOf(keyOf('user'));
    for (const name of moved) await move(keyOf(name));
    await act(person, data);
  });
});

/** Where a move left the one-time tokens of a subject. */
const tokenStates: Record<string, { readonly held: boolean; readonly moved: readonly ('user' | 'once')[] }> =
  {
    'who has none, not moved': { held: false, moved: [] },
    'who has none, moved': { held: false, moved: ['user'] },
    'whose tokens were not moved': { held: true, moved: ['user'] },
    'whose tokens alone were moved': { held: true, moved: ['once'] },
  };
const PURPOSE = 'password-reset';
const once = { revokeAll: false };

async function issueFor(subject: string, more: Partial<NewOneTimeToken> = {}): Promise<OneTimeTokenProof> {
  const { token: _, ...proof } = mintOneTimeToken(userRefOf(subject), PURPOSE);
  const wish = { subject, purpose: PURPOSE, ttlMs: 600_000, data: '{"a":1}', replaceOlder: false, ...more };
  expect(await tokens.issue({ ...proof, ...wish })).toMatchObject({ outcome: 'issued' });
  return proof;
}

describe.each(Object.entries(tokenStates))(
  'a subject on a slot that is being moved, %s',
  (_, { held, moved }) => {
    async function onOpenSlot(): Promise<
      Person & { readonly epoch: number; readonly held: OneTimeTokenProof[] }
    > {
      const person = await somebody();
      const { epoch = -1 } = (await on.repository.users.read(person.userId)) ?? {};
      const issued = held ? [await issueFor(person.userId), await issueFor(person.userId)] : [];
      const keyOf = (name: string) => `lk:{${userRefOf(person.userId)}}:${name}`;
      const move = await openSlotOf(keyOf('user'));
      for (const name of moved) await move(keyOf(name));
      return { ...person, epoch, held: issued };
    }

    it('gets tokens that work once, and whose bounds hold', async () => {
      const { userId, epoch, held: older } = await onOpenSlot();
      const fresh = await issueFor(userId, { ifEpoch: epoch });
      const found = await Promise.all([1, 2, 3].map(() => tokens.consume(fresh, once)));
      expect(found.filter(Boolean)).toEqual([{ subject: userId, data: '{"a":1}', epoch }]);
      for (const proof of older) {
        expect(await tokens.consume({ ...proof, tokenHash: bytes(9) }, once)).toBeUndefined();
        expect(await tokens.consume(proof, once)).toMatchObject({ subject: userId, epoch });
      }
      const late = { ...mintOneTimeToken(userRefOf(userId), PURPOSE), subject: userId, purpose: PURPOSE };
      const wish = { ...late, ttlMs: 600_000, data: '', replaceOlder: true, ifEpoch: epoch + 1 };
      expect(await tokens.issue(wish)).toEqual({ outcome: 'epoch_changed' });
    });

    it('loses them with a block, and all sessions with a token that is for that', async () => {
      const { userId, proof, epoch, held: older } = await onOpenSlot();
      const fresh = await issueFor(userId);
      const used = await tokens.consume(fresh, { revokeAll: true });
      expect(used).toMatchObject({ subject: userId, epoch: epoch + 1 });
      await refused(proof);
      for (const one of older) expect(await tokens.consume(one, once)).toBeUndefined();
      const another = await issueFor(userId);
      await on.users.block(userId, { reason: 'spam' });
      expect(await tokens.consume(another, { revokeAll: true })).toBeUndefined();
      expect(await on.repository.users.read(userId)).toMatchObject({ epoch: epoch + 2 });
    });

    it('can have them voided, and told in an export', async () => {
      const { userId, sessionId, held: older } = await onOpenSlot();
      const fresh = await issueFor(userId);
      const kept = await on.repository.users.export(userId);
      expect(kept).toMatchObject({
        user: { id: userId },
        sessions: [{ session: { id: sessionId }, status: 'live' }],
      });
      expect(kept.oneTimeTokens.map(({ purpose }) => purpose)).toEqual([fresh, ...older].map(() => PURPOSE));
      expect(await tokens.revoke(userId, PURPOSE)).toBe(1 + older.length);
      expect(await tokens.consume(fresh, once)).toBeUndefined();
    });
  },
);

it('a subject who is no user gets one-time tokens on a slot that is being moved', async () => {
  const subject = await newId();
  await openSlotOf(`lk:{${userRefOf(subject)}}:user`);
  const [one, other] = [await issueFor(subject), await issueFor(subject)];
  expect(await tokens.consume(one, { revokeAll: true })).toEqual({ subject, data: '{"a":1}' });
  await on.users.ensure(subject);
  expect(await tokens.consume(other, once)).toBeUndefined();
});

it('somebody new on a slot that is being moved can be made, loaded and logged in', async () => {
  const userId = await newId();
  await openSlotOf(`lk:{${userRefOf(userId)}}:user`);
  const nonce = await on.repository.users.beginLoad(userId, 'nonce');
  expect(await on.repository.users.finishLoad({ userId, roles: ['user'] }, nonce)).toBe(true);
  expect(await on.repository.users.finishLoad({ userId, roles: ['admin'] }, nonce)).toBe(false);
  const { session, proof } = newSession({ userId });
  expect(await on.repository.create(session)).toMatchObject({ outcome: 'created' });
  expect(await on.repository.authenticate(proof, wanted)).toMatchObject({ user: { roles: ['user'] } });
  const other = newSession({ userId, data: payload });
  const made = await on.repository.create(other.session);
  const { createdAt = 0 } = made.outcome === 'created' ? made.session : {};
  expect(await on.repository.data.read(other.proof)).toMatchObject({ version: createdAt });
});

it('a user with so many sessions that they are tallied logs in at the cap, on a slot that is being moved', async () => {
  const maxSessionsPerUser = 300;
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
  const crowded = await sessionsOn({ cluster: nodes }, { maxSessionsPerUser });
  const userId = 'crowd';
  const login = async () => (await crowded.sessions.create(userId, { data: { cart: [1] } })).token;
  try {
    await crowded.users.ensure(userId);
    const oldest = await login();
    await sleep(2); // within a millisecond the ID decides
    await Promise.all(Array.from({ length: maxSessionsPerUser - 1 }, login));
    const key = `lk:{${userRefOf(userId)}}:user`;
    await (
      await openSlotOf(key)
    )(key);
    for (let i = 0; i < 3; i++) await login();
    expect(await crowded.sessions.list(userId)).toHaveLength(maxSessionsPerUser);
    expect(await crowded.sessions.decide(oldest)).toMatchObject({
      permit: false,
      reason: 'session_revoked',
    });
  } finally {
    await crowded.close();
  }
});

it.each(['{audit}', '{live}', '{ip}'])('a block works while the slot of %s is being moved', async (tag) => {
  const { userId, proof } = await somebody();
  await openSlotOf(`lk:${tag}:any`);
  await on.users.block(userId, { reason: 'spam' });
  await refused(proof);
});
