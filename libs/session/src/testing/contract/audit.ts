/// <reference types="jest" />
import type { NewAuditEntry } from '../../model/audit-entry.js';
import { AuditLog } from '../../services/audit/audit-log.js';
import type { AuditRepository, AuditSettings } from '../../storage/contract/audit-repository.js';

export const RELAXED_AUDIT: AuditSettings = {
  retentionMs: 3_600_000,
  maxActs: 1_000,
  maxRoutine: 1_000,
  maxDenials: 100,
  abandonedAfterMs: 60_000,
};

interface AuditHarness {
  readonly repository: AuditRepository;
  advance(ms: number): Promise<void> | void;
  close(): Promise<void> | void;
}

const BLOCK = { action: 'user.block', actorId: 'mia', targetId: 'alice', ip: '192.0.2.7', details: { n: 1 } };
const DENIAL: NewAuditEntry = { action: 'login', outcome: 'denied', details: {} };
const ok = (n: number): NewAuditEntry => ({ ...BLOCK, outcome: 'ok', details: { n } });

/** The specification of `AuditRepository`, as tests: every repository passes all of them. */
export function describeAuditContract(
  name: string,
  makeHarness: (settings: AuditSettings) => Promise<AuditHarness> | AuditHarness,
): void {
  describe(`${name}: the contract of an audit repository`, () => {
    let harness: AuditHarness | undefined;
    const open = async (settings: Partial<AuditSettings> = {}): Promise<AuditHarness> => {
      harness = await makeHarness({ ...RELAXED_AUDIT, ...settings });
      return harness;
    };
    afterEach(() => harness?.close());

    const read = async ({ repository }: AuditHarness, limit = 200) =>
      (await repository.read({ limit })).entries;
    const numbers = (entries: readonly { readonly details: object }[]): unknown[] =>
      entries.map(({ details }) => (details as { n?: number }).n);

    it('is empty at first, and gives back what was written', async () => {
      const log = await open();
      expect(await log.repository.read({ limit: 10 })).toEqual({ entries: [] });
      const details = { text: 'ü "{}" \u0000', list: ['a', ''], yes: true, number: -1.5 };
      const id = await log.repository.append({ ...BLOCK, outcome: 'ok', details });
      const page = await log.repository.read({ limit: 10 });
      expect(page).toEqual({ entries: [{ ...BLOCK, id, at: expect.any(Number), outcome: 'ok', details }] });
      expect(page.entries[0]?.at).toBe(Number(id.split('-')[0]));
    });

    it('leaves out what is not known', async () => {
      const log = await open();
      const id = await log.repository.append({ action: 'login', outcome: 'denied', actorId: undefined });
      expect(await read(log)).toEqual([
        { id, at: expect.any(Number), action: 'login', outcome: 'denied', details: {} },
      ]);
    });

    it('pages through acts and denials in one order, newest first, and loses none while others write', async () => {
      const log = await open();
      for (let n = 0; n < 25; n++) {
        const outcome = (['ok', 'denied', 'unknown', 'failed', 'denied'] as const)[n % 5] ?? 'ok';
        await log.repository.append({ ...ok(n), outcome });
        if (n % 7 === 0) await log.advance(2);
      }
      const seen: unknown[] = [];
      const sizes: number[] = [];
      let before: string | undefined;
      do {
        const page = await log.repository.read({ limit: 10, ...(before ? { before } : {}) });
        seen.push(...numbers(page.entries));
        sizes.push(page.entries.length);
        before = page.next;
        await log.repository.append({ ...ok(100), outcome: 'denied' });
      } while (before !== undefined);
      expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => 24 - i));
      expect(sizes).toEqual([10, 10, 5]);
    });

    it('says that a page is the last exactly when nothing is older', async () => {
      const log = await open();
      for (let n = 0; n < 4; n++) await log.repository.append(ok(n));
      const first = await log.repository.read({ limit: 2 });
      expect(first.next).toBe(first.entries[1]?.id);
      const second = await log.repository.read({ limit: 2, before: first.next ?? '' });
      expect(numbers(second.entries)).toEqual([1, 0]);
      expect(second.next).toBeUndefined();
    });

    it('finds what one user did and what was done to them', async () => {
      const log = await open();
      await log.repository.append({ ...ok(0), actorId: 'mia', targetId: 'bob' });
      await log.repository.append({ ...ok(1), actorId: 'bob', targetId: 'alice' });
      await log.repository.append({ ...ok(2), actorId: 'mia', targetId: 'alice' });
      await log.repository.append({ ...DENIAL, details: { n: 3 }, actorId: 'bob' });
      const page = await log.repository.read({ limit: 10, userId: 'bob' });
      expect(numbers(page.entries)).toEqual([3, 1, 0]);
      expect((await log.repository.read({ limit: 10, userId: 'bo' })).entries).toEqual([]);
    });

    it('looks at a bounded number of entries for one user, and goes on from there', async () => {
      const log = await open({ maxDenials: 3_000 });
      await log.repository.append({ ...ok(7), actorId: 'bob' });
      for (let n = 0; n < 1_100; n += 100) {
        await Promise.all(Array.from({ length: 100 }, () => log.repository.append(DENIAL)));
      }
      const first = await log.repository.read({ limit: 10, userId: 'bob' });
      expect(first).toEqual({ entries: [], next: expect.any(String) });
      const second = await log.repository.read({ limit: 10, userId: 'bob', before: first.next ?? '' });
      expect(numbers(second.entries)).toEqual([7]);
      expect(second.next).toBeUndefined();
    });

    /** `before=0-0` was 503. */
    it.each(['0-0', '00-0', '0-000'])('refuses to read before %s, which nothing can be', async (before) => {
      const { repository } = await open();
      await expect(new AuditLog(repository).read({ before })).rejects.toMatchObject({ code: 'bad_request' });
    });

    it.each(['0-1', '1-0', '000000000000000-1', '999999999999999-999999999999999'])(
      'reads before %s',
      async (before) => {
        const { repository } = await open();
        expect(await new AuditLog(repository).read({ before })).toMatchObject({ entries: [] });
      },
    );

    it('forgets what is older than the retention, acts and denials', async () => {
      const log = await open({ retentionMs: 4_000 });
      await log.repository.append(ok(0));
      await log.repository.append({ ...DENIAL, details: { n: 1 } });
      await log.advance(1_500);
      await log.repository.append(ok(2));
      expect(numbers(await read(log))).toEqual([2, 1, 0]);
      await log.advance(3_000);
      expect(numbers(await read(log))).toEqual([2]);
      await log.advance(2_000);
      expect(await read(log)).toEqual([]);
    });

    it('keeps every act through a flood of denials and failures, and the newest of those', async () => {
      const log = await open({ maxDenials: 50 });
      for (let n = 0; n < 5; n++) await log.repository.append(ok(n));
      const settled = await log.repository.begin({ ...BLOCK, details: { n: 5 } });
      for (let n = 0; n < 300; n++) {
        await log.repository.append({
          ...DENIAL,
          outcome: n % 2 ? 'denied' : 'failed',
          details: { n: 1_000 + n },
        });
      }
      await log.repository.settle(settled, { outcome: 'ok', details: { n: 5 } });
      const entries = numbers(await read(log));
      expect(entries).toEqual([5, ...Array.from({ length: 50 }, (_, i) => 1_299 - i), 4, 3, 2, 1, 0]);
    });

    it('keeps every other act through a flood of routine ones, and the newest of those, and says what is lost', async () => {
      const log = await open({ maxRoutine: 20 });
      const { repository } = log;
      const login = (n: number): NewAuditEntry => ({ ...ok(n), action: 'login', isRoutine: true });
      for (let n = 0; n < 3; n++) await repository.append(ok(n));
      const begun = await repository.begin({ action: 'login', isRoutine: true });
      for (let n = 100; n < 120; n++) await repository.append(login(n));
      expect(await repository.read({ limit: 1 })).not.toHaveProperty('droppedBefore');
      await log.advance(5);
      for (let n = 120; n < 200; n++) await repository.append(login(n));
      await repository.settle(begun, { outcome: 'ok', details: { n: 200 } });
      const { entries, droppedBefore } = await repository.read({ limit: 200 });
      expect(numbers(entries)).toEqual([...Array.from({ length: 20 }, (_, i) => 200 - i), 2, 1, 0]);
      expect(entries.map(({ isRoutine }) => isRoutine === true)).toEqual(
        numbers(entries).map((n) => Number(n) > 2),
      );
      expect(droppedBefore).toEqual({ routine: Number(entries[19]?.id.split('-')[0]) });
    });

    it('keeps the newest acts and denials, each up to its number, and says what is lost until it is too old', async () => {
      const log = await open({ maxActs: 10, maxDenials: 5, retentionMs: 1_500 });
      for (let n = 0; n < 15; n++) await log.repository.append(ok(n));
      for (let n = 20; n < 30; n++) await log.repository.append({ ...DENIAL, details: { n } });
      const { entries, droppedBefore } = await log.repository.read({ limit: 200 });
      expect(numbers(entries)).toEqual([29, 28, 27, 26, 25, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
      const instants = entries.map(({ id }) => Number(id.split('-')[0]));
      expect(droppedBefore).toEqual({ acts: instants[14], denials: instants[4] });
      await log.advance(1_600);
      expect(await log.repository.read({ limit: 200 })).toEqual({ entries: [] });
    });

    it('writes an act that was begun when it is settled, once, with what was learned meanwhile', async () => {
      const log = await open();
      const { repository } = log;
      const pending = await repository.begin({ action: 'register', ip: '192.0.2.7', details: { n: 0 } });
      expect(await read(log)).toEqual([]);
      const settlement = { outcome: 'ok', details: { n: 1 }, actorId: 'carol' } as const;
      await repository.settle(pending, settlement);
      await repository.settle(pending, settlement);
      await repository.settle(pending, { outcome: 'failed', details: {} });
      expect(await read(log)).toEqual([
        {
          id: expect.any(String),
          at: expect.any(Number),
          action: 'register',
          actorId: 'carol',
          ip: '192.0.2.7',
          outcome: 'ok',
          details: { n: 1 },
        },
      ]);
    });

    it('turns what nobody settled into an entry of an unknown outcome, dated when it was begun', async () => {
      const log = await open({ abandonedAfterMs: 200 });
      const { repository } = log;
      const pending = await repository.begin(BLOCK);
      await log.advance(50);
      expect(await read(log)).toEqual([]);
      const later = await repository.append(ok(2));
      await log.advance(300);
      const [abandoned, other] = await read(log);
      expect(abandoned).toMatchObject({ ...BLOCK, outcome: 'unknown' });
      expect(other?.id).toBe(later);
      expect(abandoned?.at).toBeLessThan(other?.at ?? 0);
      await repository.settle(pending, { outcome: 'ok', details: {} });
      expect(await read(log)).toHaveLength(2);
    });
  });
}
