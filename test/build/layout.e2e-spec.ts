import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(__dirname, '../..');
const LIBRARY = 'libs/session/src';
const MOST_FILES = 12;
const MOST_LINES = 250;
const REASON = `// Over ${MOST_LINES} lines: `;

interface Room {
  readonly floor: number;
  readonly name: string;
  readonly packages: readonly string[];
}

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

async function readRooms(): Promise<Room[]> {
  const url = JSON.stringify(join(root, '.dependency-cruiser.mjs'));
  const script = `import { ROOMS } from ${url}; process.stdout.write(JSON.stringify(ROOMS));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
  const rows = JSON.parse(stdout) as [number, string, string, string[]][];
  return rows.map(([floor, name, , packages]) => ({ floor, name, packages }));
}

/** The rule applied to a folder, as `npm run lint:layout` applies it to the project. */
async function cruise(folder: string): Promise<Violation[]> {
  const bin = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [bin, '--preserve-symlinks', '--output-type', 'json', LIBRARY];
  const options = { cwd: folder, maxBuffer: 1 << 28 };
  const stdout = await run(process.execPath, args, options).then(
    (done) => done.stdout,
    (failure: { stdout: string }) => failure.stdout,
  );
  const { violations } = (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary;
  return violations.filter(({ rule }) => !rule.name.startsWith('no cycles'));
}

/** One file of each room to import, and one that imports: a room that is a file is both. */
const fileOf = (name: string, kind: 'ok' | 'user'): string =>
  name.endsWith('.ts') ? `${LIBRARY}/${name}` : `${LIBRARY}/${name}/${kind}.ts`;

const KINDS = [
  (path: string) => `import { a } from '${path}'; a();`,
  (path: string) => `import type { A } from '${path}'; export type B = A;`,
  (path: string) => `export * from '${path}';`,
  (path: string) => `export const a = () => import('${path}');`,
];

describe('the rooms of the library', () => {
  let folder: string;
  let rooms: Room[];
  let refused: Set<string>;
  const importing = (from: string, to: string): string => `${from} → ${to}`;

  beforeAll(async () => {
    rooms = await readRooms();
    folder = await mkdtemp(join(tmpdir(), 'latchkey-layout-'));
    await cp(join(root, '.dependency-cruiser.mjs'), join(folder, '.dependency-cruiser.mjs'));
    await writeFile(join(folder, 'tsconfig.json'), '{ "compilerOptions": { "module": "nodenext" } }\n');
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const packages = [...new Set(rooms.flatMap((room) => room.packages)), 'fs', 'supertest'];
    let kind = 0;
    for (const { name } of rooms) {
      const file = fileOf(name, 'user');
      const specifiers = rooms
        .filter((other) => other.name !== name)
        .map((other) => {
          const path = relative(dirname(file), fileOf(other.name, 'ok')).replace(/\.ts$/, '.js');
          return path.startsWith('.') ? path : `./${path}`;
        });
      const lines = [...specifiers, ...packages].map((path) => KINDS[kind++ % KINDS.length]!(path));
      await mkdir(dirname(join(folder, file)), { recursive: true });
      if (file !== fileOf(name, 'ok')) {
        await writeFile(
          join(folder, fileOf(name, 'ok')),
          'export const a = () => 1; export type A = number;\n',
        );
      }
      await writeFile(join(folder, file), `${lines.join('\n')}\n`);
    }
    await mkdir(join(folder, LIBRARY, 'attic'));
    await writeFile(join(folder, LIBRARY, 'attic/one.ts'), `import '../model/ok.js';\n`);
    refused = new Set((await cruise(folder)).map(({ from, to }) => importing(from, to)));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('import lower floors only, types included', () => {
    const wrong: string[] = [];
    for (const room of rooms) {
      for (const other of rooms.filter(({ name }) => name !== room.name)) {
        const step = importing(fileOf(room.name, 'user'), fileOf(other.name, 'ok'));
        if (refused.has(step) !== other.floor >= room.floor) wrong.push(step);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('import no package but those in their row', () => {
    const steps = [...refused].map((step) => step.split(' → ') as [string, string]);
    for (const { name, packages } of rooms) {
      const refusedHere = steps.filter(
        ([from, to]) => from === fileOf(name, 'user') && !to.startsWith(LIBRARY),
      );
      for (const one of packages) expect(refusedHere.filter(([, to]) => to.includes(`/${one}/`))).toEqual([]);
      for (const one of ['fs', 'supertest'])
        expect(refusedHere.some(([, to]) => to === one || to.includes(`/${one}/`))).toBe(true);
      expect(refusedHere.some(([, to]) => to.includes('/ioredis/'))).toBe(!packages.includes('ioredis'));
      expect(refusedHere.some(([, to]) => to.includes('/jose/'))).toBe(!packages.includes('jose'));
    }
  });

  it('are all of them in the table', () => {
    expect(refused).toContain(importing(`${LIBRARY}/attic/one.ts`, `${LIBRARY}/model/ok.ts`));
  });

  it(`have ${MOST_FILES} files at most`, async () => {
    const full: string[] = [];
    for (const entry of await readdir(join(root, LIBRARY), { recursive: true, withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = join(entry.parentPath, entry.name);
      const files = (await readdir(path)).filter(
        (name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'),
      );
      if (files.length > MOST_FILES && !path.endsWith('testing/contract')) full.push(relative(root, path));
    }
    expect(full).toEqual([]);
  });

  it(`have files of ${MOST_LINES} lines at most, or a reason in the first line`, async () => {
    const long: string[] = [];
    for (const folder of [LIBRARY, 'src']) {
      for (const name of await readdir(join(root, folder), { recursive: true })) {
        if (!name.endsWith('.ts') || name.endsWith('/script-sources.ts')) continue; // which is generated
        const text = await readFile(join(root, folder, name), 'utf8');
        const isLong = text.split('\n').length - 1 > MOST_LINES;
        if (isLong !== text.startsWith(REASON)) long.push(`${folder}/${name}`);
      }
    }
    expect(long).toEqual([]);
  });
});
