// Packs the library as npm would publish it. It is put together in a folder of its own, so that the licence and the
// documents of the repository go with it without copies in the source tree. `npm run pack:lib` leaves the tarball here.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildLibrary } from './build-lib.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const library = join(root, 'libs/session');

/** Pages that only make sense beside the sources. */
const OF_REPOSITORY = new Set(['architecture.md', 'sample.md']);

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
    cpSync(join(root, 'LICENSE'), join(stage, 'LICENSE'));
    packDocuments(stage);
    const args = ['pack', '--json', '--silent', '--pack-destination', destination];
    const [packed] = JSON.parse(execFileSync('npm', args, { cwd: stage, encoding: 'utf8' }));
    return join(destination, packed.filename);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** The README and `docs/`, with links that work where they then lie: the package has no address to link to. */
function packDocuments(stage) {
  const pages = readdirSync(join(root, 'docs')).filter(
    (name) => name.endsWith('.md') && !OF_REPOSITORY.has(name),
  );
  const places = new Map([
    ['libs/session/README.md', 'README.md'],
    ['LICENSE', 'LICENSE'],
    ...pages.map((name) => [`docs/${name}`, `docs/${name}`]),
  ]);
  mkdirSync(join(stage, 'docs'));
  for (const [source, place] of places) {
    if (!source.endsWith('.md')) continue;
    const text = readFileSync(join(root, source), 'utf8');
    writeFileSync(join(stage, place), withPackedLinks(text, { source, place, places }));
  }
}

/** Links to what the package lacks become text. */
function withPackedLinks(text, { source, place, places }) {
  return text.replaceAll(/!?\[([^\]]*)\]\(([^()\s]+)\)/g, (link, label, target) => {
    const [file, anchor] = target.split('#');
    if (!file || /^\w+:/.test(file)) return link;
    const moved = places.get(posix.join(posix.dirname(source), file));
    if (!moved) return label;
    const path = posix.relative(posix.dirname(place), moved);
    return `[${label}](${path}${anchor ? `#${anchor}` : ''})`;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await packLibrary(root));
