import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const MOST_LINES = 120;
const names = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

describe('examples', () => {
  it('there are some, each with a row of the index', () => {
    const rows = [...read('examples/README.md').matchAll(/^\| \[`([\w-]+)`\]/gm)].map(([, name]) => name);
    expect(rows).toEqual([...names].sort());
    expect(names.length).toBeGreaterThan(3);
  });

  it.each(names)('%s is small, closed by strict, and run by a test', (name) => {
    const sources = readdirSync(join(root, 'examples', name)).filter((file) => file.endsWith('.ts'));
    const text = sources.map((file) => read('examples', name, file)).join('');
    expect(text.split('\n').length).toBeLessThanOrEqual(MOST_LINES);
    const modules = text.match(/SessionModule\.forRoot(Async)?\(/g) ?? [];
    expect(modules.length).toBeGreaterThan(0);
    expect(text.match(/strict: true/g) ?? []).toHaveLength(modules.length);
    expect(text).toMatch(/export async function start\(/);
    const tests = readdirSync(join(root, 'test/examples'));
    expect(tests.filter((file) => file.startsWith(`${name}.`))).toHaveLength(1);
  });
});
