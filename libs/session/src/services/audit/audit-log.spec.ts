import type { AuditDetails } from '../../model/audit-entry.js';
import { SessionError } from '../../model/session-error.js';
import { MemoryAuditRepository } from '../../storage/memory/audit-repository.js';
import { AuditLog } from './audit-log.js';

const TOKEN = `lk_${'A'.repeat(81)}`;
const settings = {
  retentionMs: 1_000_000,
  maxActs: 100,
  maxRoutine: 100,
  maxDenials: 100,
  abandonedAfterMs: 60_000,
};

describe('AuditLog', () => {
  let warnings: string[];
  let log: AuditLog;
  beforeEach(() => {
    warnings = [];
    log = new AuditLog(new MemoryAuditRepository(settings), (line) => warnings.push(line));
  });
  const newest = async () => (await log.read({ limit: 1 })).entries[0];

  it('passes on what an act gives, and writes down what it said of itself', async () => {
    const result = await log.record({ action: 'login', details: { a: 1 } }, async (act) => {
      act.add({ actorId: 'alice', details: { b: 2 } });
      return 'done';
    });
    expect(result).toBe('done');
    expect(await newest()).toMatchObject({ outcome: 'ok', actorId: 'alice', details: { a: 1, b: 2 } });
  });

  it.each([
    [new SessionError('forbidden'), 'denied', 'forbidden'],
    [new SessionError('version_conflict'), 'failed', 'version_conflict'],
    [Object.assign(new Error(), { status: 429 }), 'denied', undefined],
    [Object.assign(new Error(), { status: 404, code: 'not_found' }), 'failed', 'not_found'],
    [Object.assign(new Error(), { status: 500 }), 'unknown', undefined],
    [Object.assign(new Error(), { code: 'ECONNRESET' }), 'unknown', undefined],
    [new TypeError('x is not a function'), 'unknown', undefined],
    ['thrown text', 'unknown', undefined],
    [undefined, 'unknown', undefined],
  ])('rejects as the act does, and gathers from %p that it was %s', async (error, outcome, code) => {
    const act = log.record({ action: 'login' }, () => Promise.reject(error as Error));
    await expect(act).rejects.toBe(error);
    expect(await newest()).toMatchObject({ outcome, details: code === undefined ? {} : { code } });
  });

  it('knows what was done before something else failed', async () => {
    const act = log.record({ action: 'password.change' }, async (open) => {
      open.done();
      throw new SessionError('session_revoked');
    });
    await expect(act).rejects.toMatchObject({ code: 'session_revoked' });
    expect(await newest()).toMatchObject({ outcome: 'ok', details: {} });
  });

  it('goes without later details that cannot be written down: the act is done', async () => {
    await log.record({ action: 'login', details: { a: 1 } }, async (act) => {
      act.add({ details: { password: 'x' } });
    });
    expect(await newest()).toMatchObject({ outcome: 'ok', details: { a: 1 } });
    expect(warnings).toEqual([expect.stringContaining('password')]);
  });

  it.each([null, 5, 'x', []])('refuses %j for a query: its caller is mistaken', async (query) => {
    await expect(log.read(query as never)).rejects.toThrow(TypeError);
  });

  it.each([
    { limit: '5' },
    { limit: [5] },
    { limit: null },
    { limit: NaN },
    { before: '0-0' },
    { before: '000-00' },
    { before: ['1-1'] },
    { before: { text: '1-1' } },
    { before: null },
    { before: '' },
    { before: '-' },
    { before: '+' },
    { before: '(1-1' },
    { before: `1-${'9'.repeat(16)}` },
    { before: '1-1\n' },
    { userId: null },
    { userId: 5 },
    { userId: ['alice'] },
  ])('refuses the query %j with a typed error', async (query) => {
    await expect(log.read(query as never)).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('reads with cursors that only look odd', async () => {
    await log.append({ action: 'login', outcome: 'ok' });
    for (const before of ['0-1', '1-0', '999999999999999-999999999999999'])
      await expect(log.read({ before })).resolves.toHaveProperty('entries');
  });

  it.each([null, undefined, 5, []])('refuses %p for an act, and does nothing', async (act) => {
    const perform = jest.fn(async () => 'done');
    await expect(log.record(act as never, perform)).rejects.toThrow(TypeError);
    await expect(log.append(act as never)).rejects.toThrow(TypeError);
    expect(perform).not.toHaveBeenCalled();
  });

  it.each([
    {},
    { action: ['login'] },
    { action: 'login', ip: 5 },
    { action: 'login', ip: ['192.0.2.1'] },
    { action: 'login', actorId: null },
    { action: 'login', targetId: {} },
    { action: 'login', isRoutine: 'yes' },
    { action: 'login', details: null },
    { action: 'login', details: [] },
    { action: 'login', details: 'x' },
    { action: 'login', details: { a: null } },
    { action: 'login', details: { a: { b: 1 } } },
    { action: 'login', details: { a: 1n } },
  ])('refuses the act %p with a typed error, and does nothing', async (act) => {
    const perform = jest.fn(async () => 'done');
    await expect(log.record(act as never, perform)).rejects.toMatchObject({ code: 'bad_request' });
    expect(perform).not.toHaveBeenCalled();
    const entry = { ...(act as object), outcome: 'ok' };
    await expect(log.append(entry as never)).rejects.toMatchObject({ code: 'bad_request' });
  });

  it.each([undefined, null, 'done', ['ok'], 'toString'])('refuses the outcome %p', async (outcome) => {
    const appending = log.append({ action: 'login', outcome: outcome as never });
    await expect(appending).rejects.toThrow(TypeError);
  });

  it('refuses an act that is no function, and what cannot be added to one', async () => {
    await expect(log.record({ action: 'login' }, undefined as never)).rejects.toThrow(TypeError);
    const adding = (more: unknown) =>
      log.record({ action: 'login' }, async (open) => open.add(more as never));
    for (const more of [null, undefined, 'x']) await expect(adding(more)).rejects.toThrow(TypeError);
    await expect(adding({ actorId: 5 })).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('takes tokens out of texts', async () => {
    const details = { reason: `It was ${TOKEN}!`, list: [TOKEN] };
    await log.append({ action: 'user.block', outcome: 'ok', details });
    expect((await newest())?.details).toEqual({ reason: 'It was lk_…!', list: ['lk_…'] });
  });

  it.each<[string, unknown]>([
    ['a name with capitals', { action: 'Login' }],
    ['no name', {}],
    ['a long name', { action: 'a'.repeat(65) }],
    ['an empty user id', { action: 'login', actorId: '' }],
    ['a long user id', { action: 'login', targetId: 'x'.repeat(257) }],
    ['no IP address', { action: 'login', ip: 'localhost' }],
    ...['password', 'newPassword', 'token', 'tokenHash', 'api-key', 'apiKey', 'Cookie', 'clientSecret'].map(
      (name): [string, unknown] => [`a detail ${name}`, { action: 'login', details: { [name]: 'x' } }],
    ),
    ['a nested detail', { action: 'login', details: { a: { b: 1 } } }],
    ['a null', { action: 'login', details: { a: null } }],
    ['no number', { action: 'login', details: { a: NaN } }],
    ['a long text', { action: 'login', details: { a: 'x'.repeat(513) } }],
    ['a long list', { action: 'login', details: { a: Array.from({ length: 65 }, () => 'x') } }],
    ['a mixed list', { action: 'login', details: { a: ['x', 1] } }],
    [
      'many details',
      { action: 'login', details: Object.fromEntries([...'abcdefghijklm'].map((n) => [n, 1])) },
    ],
    [
      'much in all',
      { action: 'login', details: Object.fromEntries([...'abcdefghij'].map((n) => [n, 'x'.repeat(500)])) },
    ],
    ['__proto__', { action: 'login', details: JSON.parse('{"__proto__":1}') as AuditDetails }],
  ])('refuses %s, and does not do such an act', async (_, entry) => {
    const refusal = { code: 'bad_request' };
    await expect(log.append({ ...(entry as { action: string }), outcome: 'ok' })).rejects.toMatchObject(
      refusal,
    );
    const perform = jest.fn();
    await expect(log.record(entry as { action: string }, perform)).rejects.toMatchObject(refusal);
    expect(perform).not.toHaveBeenCalled();
    expect(await newest()).toBeUndefined();
  });

  it.each([{ limit: 0 }, { limit: 201 }, { limit: 1.5 }, { before: 'x' }, { before: '1' }, { userId: '' }])(
    'refuses to read %j',
    async (query) => {
      await expect(log.read(query)).rejects.toMatchObject({ code: 'bad_request' });
    },
  );

  it('hands out entries that nobody can change for others', async () => {
    const details = { list: ['a'] };
    await log.append({ action: 'login', outcome: 'ok', details });
    details.list.push('b');
    expect((await newest())?.details).toEqual({ list: ['a'] });
  });
});
