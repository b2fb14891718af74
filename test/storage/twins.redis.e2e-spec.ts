import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import type { SessionEvent } from '../../libs/session/src/model/session-event.js';
import type {
  SessionRepository,
  TokenProof,
} from '../../libs/session/src/storage/contract/session-repository.js';
import type { UserChange } from '../../libs/session/src/storage/contract/user-repository.js';
import { MemorySessionRepository } from '../../libs/session/src/storage/memory/session-repository.js';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import {
  familyOf,
  GRACE_MS,
  LAPTOP,
  pairOf,
} from '../../libs/session/src/testing/contract/refresh-support.js';
import { newSession, RELAXED_SETTINGS } from '../../libs/session/src/testing/contract/support.js';
import { newRefreshToken, newSalt, type RefreshToken } from '../../libs/session/src/token/refresh-token.js';
import { mintToken } from '../../libs/session/src/token/session-token.js';
import { RedisServer } from '../support/redis-server.js';

/** The one promise of `SessionRepository`, kept twice: what one storage answers to random steps, the other one does. */

const SETTINGS = { ...RELAXED_SETTINGS, maxSessionsPerUser: 3, maxEndedSessions: 4 };
const RUNS = process.env['SOAK'] ? 1_000 : 40;
const POLICY = { name: 'posts', quota: 4, windowMs: 3_600_000, burst: 4 };

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

/** The tokens that were given out, the newest first, and what a step is told with. */
interface Given {
  readonly proofs: TokenProof[];
  readonly refreshes: RefreshToken[];
  readonly userId: (person: number) => string;
}
type Ask = (storage: SessionRepository) => Promise<unknown>;
/** @returns what both are asked; `undefined` where there is nobody to ask for */
type Step = (given: Given) => Ask | undefined;

const person = fc.nat(1);
/** Of the newest tokens, which. */
const which = fc.nat(5);
const flag = fc.boolean();
const role = fc.constantFrom([], ['admin'], ['admin', 'user'], ['user']);
const block = fc.constantFrom(
  undefined,
  null,
  { reason: 'spam' },
  { reason: 'later', until: 4_000_000_000_000, by: 'mia' },
  { reason: 'past', until: 1_000 },
);
const cidrs = fc.constantFrom(undefined, null, [], ['192.0.2.0/24'], ['::/0']);

/** Of a name, so that a counterexample can be read. */
function step<T>(name: string, of: fc.Arbitrary<T>, make: (told: T) => Step): fc.Arbitrary<Step> {
  return of.map((told) =>
    Object.assign(make(told), { [fc.toStringMethod]: () => `${name} ${JSON.stringify(told)}` }),
  );
}

const login = fc.record({ who: person, hasFamily: flag, hasData: flag, createUser: flag });
const request = fc.record({
  at: which,
  by: fc.constantFrom<('user' | 'session')[]>([], ['user'], ['session'], ['user', 'session']),
  clientIp: fc.constantFrom(undefined, '192.0.2.7', '::1'),
  touchIfRoles: fc.constantFrom([], [['admin']]),
  withData: flag,
});
const change = fc.record(
  { roles: role, block, ipAllowlist: cidrs, sourceVersion: fc.nat(3), isWhole: flag },
  { requiredKeys: [] },
);
const load = fc.record({ roles: role, sourceVersion: fc.nat(3) }, { requiredKeys: ['roles'] });
const operation = fc.constantFrom('consume' as const, 'peek' as const, 'reset' as const);

const STEPS: readonly fc.Arbitrary<Step>[] = [
  step('create', login, ({ who, hasFamily, hasData, createUser }) => (given) => {
    const data = hasData ? { data: Buffer.from('{}') } : {};
    const { session, proof } = newSession({ userId: given.userId(who), createUser, ...data });
    given.proofs.unshift(proof);
    if (!hasFamily) return (storage) => storage.create(session);
    const refresh = newRefreshToken(proof);
    given.refreshes.unshift(refresh);
    return (storage) => storage.create({ ...session, family: familyOf(refresh) });
  }),
  step('authenticate', request, ({ at, by, clientIp, touchIfRoles, withData }) => ({ proofs }) => {
    const proof = proofs[at];
    const quotas = by.map((one, i) => ({ ...POLICY, name: `q${i}`, by: one }));
    const ip = { clientIp, refusedRoles: [] };
    return proof && ((storage) => storage.authenticate(proof, { touchIfRoles, quotas, withData, ip }));
  }),
  step('refresh', fc.tuple(which, fc.constantFrom(0, GRACE_MS)), ([at, graceMs]) => (given) => {
    const proof = given.refreshes[at];
    if (!proof) return undefined;
    const salt = newSalt();
    const { refresh, proof: next } = pairOf(proof, salt);
    given.proofs.unshift(next);
    given.refreshes.unshift(refresh);
    const offer = { salt, refreshHash: refresh.refreshHash, tokenHash: next.tokenHash };
    const asked = { proof, offer, accessTokenTtlMs: 1_800_000, graceMs, device: LAPTOP };
    return (storage) => storage.refresh(asked);
  }),
  step('replace', fc.tuple(which, flag, flag), ([at, revokeOthers, reauthenticated]) => ({ proofs }) => {
    const proof = proofs[at];
    if (!proof) return undefined;
    const { tokenHash: newTokenHash } = mintToken(proof);
    proofs.unshift({ ...proof, tokenHash: newTokenHash });
    return (storage) => storage.replaceToken({ proof, newTokenHash, reauthenticated, revokeOthers });
  }),
  step('revoke', fc.tuple(person, which), ([who, at]) => ({ proofs, userId }) => {
    const proof = proofs[at];
    return proof && ((storage) => storage.revoke(userId(who), proof.sessionId, 'logout'));
  }),
  step('revokeAll', fc.tuple(person, which, flag), ([who, at, isExcepted]) => ({ proofs, userId }) => {
    const except = isExcepted ? proofs[at] : undefined;
    return (storage) => storage.revokeAll(userId(who), except);
  }),
  step('change', fc.tuple(person, flag, change), ([who, isAbsent, told]) => ({ userId }) => {
    const asked: UserChange = { ...told, userId: userId(who), ifVersion: isAbsent ? 'absent' : 'any' };
    return (storage) => storage.users.change(asked);
  }),
  step('load', fc.tuple(person, load), ([who, told]) => ({ userId }) => {
    const loaded = { ...told, userId: userId(who) };
    return async ({ users }) => users.finishLoad(loaded, await users.beginLoad(loaded.userId, 'nonce'));
  }),
  step('data', fc.tuple(which, flag, flag), ([at, isEnd, isOutdated]) => ({ proofs }) => {
    const proof = proofs[at];
    if (!proof) return undefined;
    return async ({ data }) => {
      const found = await data.read(proof);
      const ifVersion = isOutdated ? 17 : (found?.version ?? 0);
      const payload = Buffer.from('{"a":1}');
      const asked = { proof, ifVersion, payload, isSameContent: false };
      return [found, isEnd ? await data.end({ proof, ifVersion }) : await data.write(asked)];
    };
  }),
  step(
    'quota',
    fc.tuple(person, operation, fc.integer({ min: 1, max: 5 })),
    ([who, what, cost]) =>
      (given) => {
        const asked = { operation: what, policy: POLICY, partition: { userId: given.userId(who) }, cost };
        return (storage) => storage.quota(asked);
      },
  ),
  step('list', person, (who) => ({ userId }) => async (storage) => [
    await storage.list(userId(who)),
    await storage.users.read(userId(who)),
  ]),
  step('export', person, (who) => ({ userId }) => async (storage) => {
    await storage.sweep(userId(who));
    const { quotas: _, ...kept } = await storage.users.export(userId(who)); // those of ended sessions go when they are full
    return kept;
  }),
];
const ERASE = step(
  'erase',
  person,
  (who) =>
    ({ userId }) =>
    (storage) =>
      storage.users.erase(userId(who)),
);

/** Instants, epochs and versions are each storage's own. */
function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value ?? null, (_key, one: unknown) =>
      typeof one === 'number' && one > 60_000 ? '#' : one,
    ),
  );
}

it('what one storage answers to any steps, the other one does, and both announce the same', async () => {
  const redis = await openRedisRepository(
    { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: 5_000 },
    SETTINGS,
  );
  const memory = new MemorySessionRepository(SETTINGS);
  const told: [string[], string[]] = [[], []];
  const note = (lines: string[]) => ({
    onEvent: (event: SessionEvent) =>
      void ('userId' in event && lines.push(`${event.name} ${event.userId} ${event.sessionId ?? '-'}`)),
  });
  await redis.events.listen(note(told[0]));
  await memory.events.listen(note(told[1]));
  let run = 0;
  const any = fc.oneof({ weight: 30, arbitrary: fc.oneof(...STEPS) }, { weight: 1, arbitrary: ERASE });
  const many = fc.array(any, { maxLength: 80, size: 'max' });
  await fc.assert(
    fc.asyncProperty(many, async (sequence) => {
      run += 1;
      const given: Given = { proofs: [], refreshes: [], userId: (i) => `user-${run}-${i}` };
      for (const one of sequence) {
        const ask = one(given);
        if (!ask) continue;
        await sleep(2); // two logins in one millisecond of one storage may be in two of the other
        const answers = [comparable(await ask(redis)), comparable(await ask(memory))];
        if (!isDeepStrictEqual(answers[0], answers[1])) expect(answers[0]).toEqual(answers[1]);
      }
    }),
    { numRuns: RUNS, ...(process.env['SOAK'] ? {} : { interruptAfterTimeLimit: 60_000 }) },
  );
  for (let i = 0; i < 200 && told[0].length < told[1].length; i++) await sleep(10); // they come on another connection
  expect(told[0]).toEqual(told[1]);
  expect(told[0].length).toBeGreaterThan(RUNS);
  await Promise.all([redis.close(), memory.close()]);
}, 120_000);
