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
