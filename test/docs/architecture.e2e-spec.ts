import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** Paths in backticks that name a file: of the library, unless they begin with a folder of the repository. */
function filesNamedIn(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/`([\w./-]+\.(?:ts|lua|mjs|json))`/g)].map((match) => match[1] as string);
}

const isThere = (path: string): boolean =>
  [path, `libs/session/src/${path}`].some((one) => existsSync(join(root, one)));

describe.each(['docs/architecture.md', 'CONTRIBUTING.md'])('%s', (document) => {
  it('names files, and only such as there are', () => {
    const files = filesNamedIn(document);
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((path) => !isThere(path))).toEqual([]);
  });
});

describe('where CONTRIBUTING places a change of a closed set', () => {
  const rows = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').split('\n');

  it.each([
    ['a denial reason', 'model/error-codes.ts', 'DENIALS'],
    ['an event', 'model/session-event.ts', 'SESSION_EVENTS'],
    ['another context of handlers', 'handlers/contexts.ts', 'CONTEXTS'],
    ['a field of an audit entry', 'model/audit-entry.ts', 'AUDIT_OUTCOMES'],
    ['why a session ends', 'model/session.ts', 'END_REASONS'],
  ])('%s: the list names the table, which is there', (change, file, table) => {
    const row = rows.find((line) => line.startsWith(`- **${change}`));
    expect(row).toContain(`\`${file}\``);
    expect(row).toContain(`\`${table}\``);
    expect(readFileSync(join(root, 'libs/session/src', file), 'utf8')).toContain(`export const ${table}`);
  });
});
