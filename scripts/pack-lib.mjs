// Packs the library as npm would publish it. It is put together in a folder of its own, so that the README and the
// licence of the repository go with it without copies in the source tree. `npm run pack:lib` leaves the tarball here.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildLibrary } from './build-lib.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const library = join(root, 'libs/session');

/** Builds the library if needed and packs it into `destination`; returns the path of the tarball. */
export async function packLibrary(destination) {
  await buildLibrary({ ifNeeded: true });
  const stage = mkdtempSync(join(tmpdir(), 'latchkey-pack-'));
  try {
    cpSync(join(library, 'package.json'), join(stage, 'package.json'));
    for (const name of ['esm', 'cjs']) {
      cpSync(join(library, 'dist', name), join(stage, 'dist', name), { recursive: true });
    }
    // What source and declaration maps point to.
    cpSync(join(library, 'src'), join(stage, 'src'), {
      recursive: true,
      filter: (path) => !/\.(spec\.ts|lua)$/.test(path),
    });
    for (const name of ['README.md', 'LICENSE']) {
      const own = join(library, name);
      cpSync(existsSync(own) ? own : join(root, name), join(stage, name));
    }
    const args = ['pack', '--json', '--silent', '--pack-destination', destination];
    const [packed] = JSON.parse(execFileSync('npm', args, { cwd: stage, encoding: 'utf8' }));
    return join(destination, packed.filename);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await packLibrary(root));
