import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expectDenied } from '@latchkey/session/testing';
import { killWithUs } from '../support/watchdog.js';

const root = join(import.meta.dirname, '../..');
const MOST_LINES = 120;
/** Of one file of a migration, which is an app before and one after. */
const MOST_LINES_OF_A_FILE = 150;
const folders = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const isMigration = (name: string) => name.startsWith('from-');
const [names, migrations] = [folders.filter((name) => !isMigration(name)), folders.filter(isMigration)];
const apps = [...names, ...migrations.flatMap((name) => [`${name}/after`, `${name}/before`])].sort();

const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

describe('npm run example', () => {
  const run = (...args: string[]) =>
    spawn(process.execPath, [join(root, 'scripts/run-example.mjs'), ...args]);

  it('runs one from its sources', async () => {
    const child = run('sse', '0');
    killWithUs(child);
    let [said, complaints] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      said += String(chunk);
      if (said.includes('\n')) break;
    }
    const [, url] = /^listening on (http:\S+)/.exec(said) ?? [];
    expect([url, complaints]).toEqual([expect.any(String), '']);
    await expectDenied(fetch(`${url}/news`), 'session_missing');
    const closed = once(child, 'close');
    child.kill();
    await closed;
  });

  it('says what there is', async () => {
    const child = run('nothing');
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect([code, said]).toEqual([1, `Name one of ${apps.join(', ')}\n`]);
  });
});

describe('examples', () => {
  it('there are some, each with a row of the index', () => {
    const rows = [...read('examples/README.md').matchAll(/^\| \[`([\w-]+)`\]/gm)].map(([, name]) => name);
    expect(rows).toEqual([...names].sort().concat([...migrations].sort()));
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

  it.each(migrations)('%s has small files, an app before and one after, a test and a page', (name) => {
    const files = readdirSync(join(root, 'examples', name), { recursive: true, encoding: 'utf8' });
    const sources = files.filter((file) => file.endsWith('.ts'));
    for (const file of sources) {
      expect([file, read('examples', name, file).split('\n').length <= MOST_LINES_OF_A_FILE]).toEqual([
        file,
        true,
      ]);
    }
    for (const version of ['before', 'after']) {
      expect(read('examples', name, version, 'app.ts')).toMatch(/export async function start\(/);
    }
    const tests = readdirSync(join(root, 'test/migrations'));
    expect(tests.filter((file) => file.startsWith(`${name}.`))).toHaveLength(1);
    expect(readdirSync(join(root, 'docs'))).toContain(`migrate-${name}.md`);
  });
});
