import { demand } from '../../testing/contract/support.js';
import { FakeClock } from '../../testing/fake-clock.js';
import { describeRepositoryContract } from '../../testing/contract/repository.js';
import { ContractTest, RELAXED_SETTINGS, lifetimeOf, newSession } from '../../testing/contract/support.js';
import { newGuestId } from '../../token/session-token.js';
import { MemorySessionRepository } from './session-repository.js';
import type { RepositorySettings } from '../contract/session-repository.js';

function open(settings: Partial<RepositorySettings> = {}) {
  const clock = new FakeClock();
  const repository = new MemorySessionRepository({ ...RELAXED_SETTINGS, ...settings }, clock);
  const advance = async (ms: number) => clock.advance(ms);
  const test = new ContractTest({ repository, advance, close: () => repository.close() });
  return { clock, repository, advance, test, close: () => repository.close() };
}

/** How many things it holds, of whatever kind. */
function sizeOf(repository: MemorySessionRepository): number {
  const { entries, loads } = repository.users as unknown as {
    entries: Map<string, { sessions: Map<string, unknown> }>;
    loads: { size: number };
  };
  return [...entries.values()].reduce((sum, { sessions }) => sum + 1 + sessions.size, loads.size);
}

describeRepositoryContract('MemorySessionRepository', async (settings) => open(settings));

describe('MemorySessionRepository', () => {
  it('goes by the clock of the system where none is given', async () => {
    const repository = new MemorySessionRepository(RELAXED_SETTINGS);
    const before = Date.now();
    const created = await repository.create(newSession().session);
    const { createdAt } = (created as Extract<typeof created, { outcome: 'created' }>).session;
    expect(createdAt).toBeGreaterThanOrEqual(before);
    expect(createdAt).toBeLessThanOrEqual(Date.now());
  });

  it('has done the whole of a call before it returns its promise', async () => {
    const { repository, test } = open();
    const { proof, session } = await test.login();
    const revoked = repository.revoke('ada', session.id, 'logout');
    const status = test.status(proof);
    expect([await revoked, await status]).toEqual([true, 'revoked']);
  });

  it('holds no guest for longer than its absolute timeout, and not more than 100,000', async () => {
    const { repository, test, advance } = open();
    const begin = () => test.login({ userId: newGuestId(), isGuest: true, lifetime: lifetimeOf(0, 1_000) });
    for (let i = 0; i < 50; i++) await begin();
    await advance(1_001);
    const first = await begin();
    expect(sizeOf(repository)).toBe(2); // the record and its session
    for (let i = 0; i < 99_999; i++) await begin();
    expect(await test.status(first.proof)).toBe('live');
    const { proof: last } = await begin();
    expect([await test.status(first.proof), await test.status(last)]).toEqual(['unknown', 'live']);
    expect(sizeOf(repository)).toBe(200_000);
  });

  it('puts sessions of the same instant in the order of their IDs', async () => {
    const { repository, test } = open({ maxSessionsPerUser: 3 });
    for (const letter of ['B', 'C', 'A']) await test.login({ sessionId: letter.repeat(16) });
    const ids = (await repository.list('ada')).map(({ id }) => id[0]);
    expect(ids).toEqual(['C', 'B', 'A']);
    expect((await test.login({ sessionId: 'D'.repeat(16) })).evicted).toEqual(['A'.repeat(16)]);
  });

  it('ends a session at the very millisecond of its timeout', async () => {
    const { test, advance } = open();
    const { proof } = await test.login({ lifetime: lifetimeOf(0, 1_000) });
    await advance(999);
    expect(await test.status(proof)).toBe('live');
    await advance(1);
    expect(await test.status(proof)).toBe('expired');
  });

  it('takes no load that lasted 30 seconds', async () => {
    const { repository, advance } = open();
    const loaded = { userId: 'ada', roles: ['user'] };
    await repository.users.beginLoad('ada', 'slow');
    await advance(30_000);
    expect(await repository.users.finishLoad(loaded, 'slow')).toBe(false);
    await repository.users.beginLoad('ada', 'quick');
    await advance(29_999);
    expect(await repository.users.finishLoad(loaded, 'quick')).toBe(true);
  });

  it('keeps nothing of users whom it does not know', async () => {
    const { repository, test, advance } = open();
    for (let i = 0; i < 50; i++) {
      const userId = `user-${i}`;
      const { session, proof } = newSession({ userId, createUser: false });
      await repository.create(session);
      await repository.authenticate(proof, demand([]));
      await repository.replaceToken({
        proof,
        newTokenHash: proof.tokenHash,
        reauthenticated: true,
        revokeOthers: true,
      });
      await repository.revoke(userId, session.sessionId, 'logout');
      await repository.revokeAll(userId);
      await repository.revokeAll(userId, proof);
      await repository.users.change({ userId, ifVersion: 1, block: { reason: 'spam' } });
      await repository.users.finishLoad({ userId, roles: [] }, 'nonce');
      await repository.list(userId);
      await repository.users.read(userId);
      await repository.users.erase(userId);
      await repository.users.beginLoad(userId, 'never finished');
    }
    await advance(30_000);
    await test.login();
    await repository.users.beginLoad('ada', 'nonce');
    expect(sizeOf(repository)).toBe(3);
    await repository.users.erase('ada');
    expect(sizeOf(repository)).toBe(0);
  });

  it('holds no more of a user than the settings allow, however many the logins', async () => {
    const { repository, test, advance } = open({ maxSessionsPerUser: 4, maxEndedSessions: 3 });
    for (let i = 0; i < 200; i++) {
      const { proof } = await test.login();
      await test.replaced(proof);
      await advance(10);
    }
    expect(sizeOf(repository)).toBe(1 + 4 + 3);
    await advance(RELAXED_SETTINGS.rememberEndedMs * 2);
    await test.login();
    expect(sizeOf(repository)).toBe(1 + 1);
  });

  it('has forgotten everything when it is closed', async () => {
    const { repository, test } = open();
    await test.login();
    await repository.users.beginLoad('bob', 'nonce');
    await repository.close();
    expect(sizeOf(repository)).toBe(0);
  });

  it('refuses a second session of the same ID', async () => {
    const { repository, test } = open();
    const { session, proof } = await test.login();
    await expect(repository.create(newSession({ sessionId: session.id }).session)).rejects.toThrow('already');
    expect(await test.status(proof)).toBe('live');
  });
});
