import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SessionError } from '../../model/session-error.js';
import { SCRIPTS } from '../lua/script.js';
import { CHECK_STATUS } from '../records/token-lookup.js';
import { namedReply, REPLIES, type ReplyOf } from './replies.js';

const folder = join(__dirname, '../lua');
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

/** Every `return { 'kind', … }` of a script: how many values stand behind each kind. */
function answersOf(lua: string): readonly string[] {
  const answers = [...lua.replace(/^ *--.*$/gm, '').matchAll(/return \{ '(\w+)'(.*?) \}/g)].map(
    ([, kind, rest = '']) => `${kind}: ${rest.replace(/\([^()]*\)/g, '').split(',').length - 1}`,
  );
  return [...new Set(answers)].sort();
}

describe.each(Object.keys(REPLIES) as (keyof typeof REPLIES)[])('the replies of %s', (name) => {
  const lua = read(`${SCRIPTS[name].name}.lua`);

  it('are those that the script gives, with as many values', () => {
    const shapes: Readonly<Record<string, readonly string[]>> = REPLIES[name];
    const expected = Object.entries(shapes).map(([kind, values]) => `${kind}: ${values.length}`);
    expect(answersOf(lua)).toEqual(expected.sort());
  });

  it('are all in its header', () => {
    const header = lua.slice(lua.indexOf('-- Returns'), lua.indexOf('-- @include'));
    for (const kind of Object.keys(REPLIES[name])) expect(header).toContain(`'${kind}'`);
  });
});

it('every script that names its replies has a table', () => {
  const named = readdirSync(folder).filter(
    (file) => file.endsWith('.lua') && answersOf(read(file)).length > 0,
  );
  const tables = Object.keys(REPLIES).map((name) => `${SCRIPTS[name as keyof typeof REPLIES].name}.lua`);
  expect(named.sort()).toEqual(tables.sort());
});

it('a reply is read by its kind', () => {
  const now = 1_790_000_000_000;
  const reply = namedReply('makeUser', [Buffer.from('version_conflict'), now, [null]]);
  expect(reply).toEqual({ kind: 'version_conflict', now, user: [null] });
});

it.each([
  ['another kind', [Buffer.from('promoted')]],
  ['too few values', [Buffer.from('changed'), 1]],
  ["an object's own names", [Buffer.from('constructor')]],
  ['nothing', []],
])('what no script answers is refused: %s', (_, reply) => {
  expect(() => namedReply('makeUser', reply)).toThrow(SessionError);
});

it('does not compile where a kind is left out, or a value is read that its kind lacks', () => {
  const outcomeOf = (reply: ReplyOf<'writeData'>): string => {
    // @ts-expect-error 'refused' has no version
    if (reply.kind !== 'version_conflict') return String(reply.version);
    // @ts-expect-error every kind must be decided before the rest is never
    return reply satisfies never;
  };
  expect(outcomeOf({ kind: 'written', version: 7 })).toBe('7');
});

it('a check has the same numbers in Lua', () => {
  const lua = ['authenticate.lua', 'include/facts.lua', 'include/session-record.lua'].map(read).join('');
  const numbers = new Map<string, number>();
  for (const [, names = '', values = ''] of lua.matchAll(/^local ([A-Z_, ]+) = (.+?)(?: --.*)?$/gm)) {
    const all = values.split(', ');
    names.split(', ').forEach((name, i) => numbers.set(name.toLowerCase(), Number(all[i])));
  }
  for (const [name, number] of Object.entries(CHECK_STATUS))
    expect([name, numbers.get(name)]).toEqual([name, number]);
});
