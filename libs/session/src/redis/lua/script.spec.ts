import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCRIPTS } from './script.js';

const folder = __dirname;
const fileOf = (name: string): string => readFileSync(join(folder, `${name}.lua`), 'utf8');
const declared = (lua: string, kind: 'KEYS' | 'ARGV'): string[] =>
  [...lua.matchAll(new RegExp(`^-- ${kind}\\[(\\d+)\\] (\\w+)`, 'gm'))].map((match, index) => {
    expect(Number(match[1])).toBe(index + 1);
    return match[2] as string;
  });
/** A script may take a list after what it names: `KEYS[4..]`, `ARGV[11..]`. */
const used = (lua: string, kind: 'KEYS' | 'ARGV'): number[] => {
  const code = lua.replace(/--.*$/gm, '');
  const indexes = [...code.matchAll(new RegExp(`${kind}\\[(\\d+)\\]`, 'g'))].map((match) => Number(match[1]));
  return [...new Set(indexes)].sort((a, b) => a - b);
};

describe('Lua scripts', () => {
  it('each have one typed wrapper', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.lua'));
    expect(
      Object.values(SCRIPTS)
        .map((script) => `${script.name}.lua`)
        .sort(),
    ).toEqual(files.sort());
  });

  describe.each(Object.values(SCRIPTS))('$name', (script) => {
    const lua = fileOf(script.name);

    it('opens with what it takes and returns, as the wrapper has it', () => {
      expect(declared(lua, 'KEYS')).toEqual(script.keys);
      expect(declared(lua, 'ARGV')).toEqual(script.args);
      expect(lua).toMatch(/^-- Returns /m);
    });

    it('uses every key and argument that it declares, and no other', () => {
      expect(used(lua, 'KEYS')).toEqual(script.keys.map((_, index) => index + 1));
      expect(used(lua, 'ARGV')).toEqual(script.args.map((_, index) => index + 1));
    });

    it('has a shebang, so that an isolated primary and a replica refuse it', () => {
      expect(lua).toMatch(/^#!lua( flags=allow-oom)?\n/);
      expect(script.lua).toMatch(/^#!lua( flags=allow-oom)?\n/);
    });
  });

  /** Why a script may write in a full Redis; nothing that anybody can cause without being known may. */
  const WHEN_FULL: Readonly<Record<string, string>> = {
    'announce-near-cache': 'block',
    'audit-begin-when-full': 'block',
    'audit-read': 'read',
    'audit-settle': 'block',
    authenticate: 'check',
    'begin-reload': 'check',
    'change-user': 'block',
    'confirm-act': 'block',
    'erase-key': 'revocation',
    'erase-user': 'revocation',
    'export-data': 'read',
    'export-one-time-tokens': 'read',
    'export-user': 'read',
    'finish-load': 'check',
    'give-back-leases': 'revocation',
    'list-sessions': 'read',
    'meet-server': 'check',
    'miss-act': 'block',
    'quota-back': 'refund',
    'read-confirmations': 'read',
    'read-data': 'read',
    'read-ip-lists': 'check',
    'read-user': 'read',
    'reaffirm-ip-list': 'revocation',
    'reaffirm-user': 'block',
    'recall-leases': 'block',
    refresh: 'check',
    'register-node': 'block',
    'remove-node': 'block',
    'restore-ip-list': 'revocation',
    'restore-user': 'block',
    'revoke-all': 'revocation',
    'revoke-one-time-tokens': 'revocation',
    'revoke-session': 'revocation',
    'settle-one-time-token': 'revocation',
    'sweep-sessions': 'revocation',
    'user-quota-back': 'refund',
    'write-ip-list': 'revocation',
  };

  it.each(Object.values(SCRIPTS))('$name says why it may write in a full Redis, or may not', (script) => {
    const reason = /^-- When full: (\w+): /m.exec(fileOf(script.name))?.[1];
    expect(reason).toBe(WHEN_FULL[script.name]);
    expect(script.lua.startsWith('#!lua flags=allow-oom\n')).toBe(reason !== undefined);
  });
});
