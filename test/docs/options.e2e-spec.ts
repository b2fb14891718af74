import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionModuleOptions } from '@latchkey/session';
import { checkOptions } from '../../libs/session/src/options/checks/options-check.js';

const root = join(__dirname, '../..');

describe('docs/options.md', () => {
  it('is what the docstrings say', () => {
    const check = () =>
      execFileSync(process.execPath, ['scripts/docs-options.mjs', '--check'], { cwd: root });
    expect(check).not.toThrow();
  });

  it('names the defaults that hold', () => {
    const given = {
      redis: 'redis://cache',
      refresh: true,
      guests: true,
      userDirectory: { load: async () => undefined },
    };
    const defaults = documentedDefaults();
    expect(defaults.length).toBeGreaterThan(20);
    const written: Record<string, unknown> = { ...given };
    for (const [option, value] of defaults) {
      const [outer = '', inner] = option.split('.');
      if (inner === undefined) written[outer] = value;
      else written[outer] = { ...(Object(written[outer]) as object), [inner]: value };
    }
    expect(checkOptions(written as SessionModuleOptions, 'test')).toEqual(checkOptions(given, 'test'));
  });
});

/** The options of the module whose default is a literal. */
function documentedDefaults(): [option: string, value: unknown][] {
  const page = readFileSync(join(root, 'docs/options.md'), 'utf8');
  const section = page.split('### SessionModuleOptions')[1]?.split('### ')[0] ?? '';
  return [...section.matchAll(/^\| `([\w.]+)` \| .*? \| `([^`]+)` \| /gm)].map(
    ([, option = '', literal = '']) => [
      option,
      JSON.parse(literal.replaceAll("'", '"').replaceAll(/(\w+): /g, '"$1": ')),
    ],
  );
}
