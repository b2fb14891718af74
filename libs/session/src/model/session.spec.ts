import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  END_REASONS,
  type EndReason,
  type EndRules,
  GIVEN_END_REASONS,
  type RecordedEnd,
} from './session.js';

const readInclude = (name: string): string =>
  readFileSync(join(__dirname, `../redis/lua/include/${name}.lua`), 'utf8');

/** The columns of a table that a row may leave out. */
type Undecided<Row> = {
  [Column in keyof Row]-?: object extends Pick<Row, Column> ? Column : never;
}[keyof Row];

describe('the table of end reasons', () => {
  it('demands every column of every reason: a new one does not compile until it is decided', () => {
    type Taken = Record<RecordedEnd | 'tenant_closed', EndRules>;
    // @ts-expect-error a reason without a row
    const withoutRow: Taken = { ...END_REASONS };
    const { status: _, ...undecided } = END_REASONS.revoked;
    // @ts-expect-error a row that does not say what a request is told
    const withoutColumn: Taken = { ...END_REASONS, tenant_closed: undecided };
    const none: [Undecided<EndRules>] extends [never] ? true : false = true;
    expect([withoutRow, withoutColumn, none]).toHaveLength(3);
  });

  it('gives apps the reasons of the public type, and no other', () => {
    type Given = {
      [R in RecordedEnd]: (typeof END_REASONS)[R]['isGiven'] extends true ? R : never;
    }[RecordedEnd];
    const same: [Given, EndReason] extends [EndReason, Given] ? true : false = true;
    expect([same, GIVEN_END_REASONS]).toEqual([true, ['logout', 'revoked', 'evicted']]);
  });

  it('gives each a code of its own, from 1 to 255', () => {
    const codes = Object.values(END_REASONS).map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect(code > 0 && code < 256).toBe(true);
  });

  it('is what the scripts have: the codes, and which of them mean that the session expired', () => {
    const lua = readInclude('session-record');
    const [, names = '', codes = ''] =
      /^local ((?:[A-Z_]+, )*TIMED_OUT(?:, [A-Z_]+)*) = (.*)$/m.exec(lua) ?? [];
    const inLua = names.split(', ').map((name, i) => [name.toLowerCase(), Number(codes.split(', ')[i])]);
    expect(inLua.length).toBeGreaterThan(1);
    for (const [name, code] of inLua) expect(END_REASONS[name as RecordedEnd].code).toBe(code);
    const expired = Object.entries(END_REASONS).filter(([, { status }]) => status === 'expired');
    const told = [...lua.matchAll(/session\.ended == ([A-Z_]+) and EXPIRED or REVOKED/g)];
    expect(told.map(([, name = '']) => name.toLowerCase())).toEqual(expired.map(([name]) => name));
  });
});
