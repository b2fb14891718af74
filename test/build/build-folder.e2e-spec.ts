import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const buildFolder = pathToFileURL(join(import.meta.dirname, '../../scripts/build-folder.mjs')).href;
const FILES = 20;

/** Puts 50 builds of its own in place, one after the other; every file of a build holds its name. */
const BUILDER = `
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { putInPlace } from ${JSON.stringify(buildFolder)};
const [folder, name] = process.argv.slice(1);
for (let round = 0; round < 50; round += 1) {
  const own = mkdtempSync(join(folder, 'build-'));
  mkdirSync(join(own, 'dist'));
  for (let file = 0; file < ${FILES}; file += 1) writeFileSync(join(own, 'dist', 'file-' + file), name + ' ' + round);
  putInPlace(join(own, 'dist'), join(folder, 'dist'), own);
}
`;

describe('builds beside each other', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-build-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('all succeed, and what is in place is one whole build of them', async () => {
    const names = ['one', 'two', 'three', 'four'];
    const exits = await Promise.all(
      names.map(async (name) => {
        const args = ['--input-type=module', '-e', BUILDER, folder, name];
        const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit');
        return code as number;
      }),
    );
    expect(exits).toEqual([0, 0, 0, 0]);
    const dist = join(folder, 'dist');
    const files = await readdir(dist);
    const contents = await Promise.all(files.map((file) => readFile(join(dist, file), 'utf8')));
    expect(files).toHaveLength(FILES);
    expect(new Set(contents).size).toBe(1);
    expect(contents[0]).toMatch(/^(one|two|three|four) 49$/);
  });
});
