import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PolicyEntry } from '@latchkey/session';
import { manifestText } from '../../src/manifest/manifest-text.js';

const CHECKED_IN = readFileSync(join(__dirname, '../../policy.manifest.json'), 'utf8');

/** What a reviewer needs to see, and how to agree to it; empty when nothing changed. */
function changes(before: string, after: string): string {
  if (before === after) return '';
  const [old, current] = [before.split('\n'), after.split('\n')];
  return [
    'The access to these handlers is not what policy.manifest.json says:',
    ...old.filter((line) => !current.includes(line)).map((line) => `- ${line.trim()}`),
    ...current.filter((line) => !old.includes(line)).map((line) => `+ ${line.trim()}`),
    'If that is meant, run `npm run manifest` and commit the file, so that the change shows in review.',
  ].join('\n');
}

describe('policy.manifest.json', () => {
  it('says who may reach what in the sample', async () => {
    expect(changes(CHECKED_IN, await manifestText())).toBe('');
  });

  it('has one line for each handler, none of them open by oversight', () => {
    const entries = JSON.parse(CHECKED_IN) as PolicyEntry[];
    expect(entries.length).toBeGreaterThan(0);
    expect(CHECKED_IN.trim().split('\n')).toHaveLength(entries.length + 2);
    expect(entries.filter(({ access }) => access === 'unguarded')).toEqual([]);
  });

  it('opens /admin to admins and /moderation to those and moderators only', () => {
    const entries = JSON.parse(CHECKED_IN) as PolicyEntry[];
    const rolesBelow = (prefix: string) =>
      entries.filter(({ path }) => path.startsWith(prefix)).map(({ access, roles }) => ({ access, roles }));
    expect(rolesBelow('/admin/')).not.toEqual([]);
    for (const one of rolesBelow('/admin/')) expect(one).toEqual({ access: 'guarded', roles: [['admin']] });
    expect(rolesBelow('/moderation/')).not.toEqual([]);
    for (const one of rolesBelow('/moderation/'))
      expect(one).toEqual({ access: 'guarded', roles: [['moderator', 'admin']] });
  });

  it('shows a change line by line, with the way to agree to it', () => {
    const opened = CHECKED_IN.replace('"access": "guarded", "roles": [ [ "admin" ] ]', '"access": "public"');
    const [, removed, added, advice] = changes(CHECKED_IN, opened).split('\n');
    expect(removed).toMatch(/^- .*"access": "guarded"/);
    expect(added).toMatch(/^\+ .*"access": "public"/);
    expect(advice).toContain('npm run manifest');
    expect(changes(CHECKED_IN, CHECKED_IN)).toBe('');
  });
});
