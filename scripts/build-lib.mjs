// Builds the library as both module systems: libs/session/dist/esm and, with a package.json that says so, dist/cjs.
// With --if-needed only when sources changed; a failed build changes nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inBuildFolder, putInPlace } from './build-folder.mjs';
import { writeScriptSources } from './generate-lua.mjs';
import { hashSources } from './source-hash.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const library = join(root, 'libs/session');
const dist = join(library, 'dist');
const stampName = '.sources';
const settings = ['package-lock.json', 'tsconfig.json', 'scripts/build-lib.mjs'];
const librarySettings = ['package.json', 'tsconfig.lib.json', 'tsconfig.cjs.json'].map(
  (name) => `libs/session/${name}`,
);

function compile(tsconfig, outDir) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(library, tsconfig), '--outDir', outDir];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`the library does not compile with ${tsconfig}`);
}

/** Lets source and declaration maps name the sources from where the build will lie; the tarball has them, too. */
function aimMaps(folder, destination) {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.map')) continue;
    const path = join(folder, file);
    const map = JSON.parse(readFileSync(path, 'utf8'));
    const sources = map.sources.map((source) => {
      return relative(dirname(join(destination, file)), resolve(dirname(path), source));
    });
    writeFileSync(path, JSON.stringify({ ...map, sources }));
  }
}

/** Builds libs/session/dist; throws when it does not compile, and then leaves the old one. */
export async function buildLibrary({ ifNeeded = false } = {}) {
  writeScriptSources();
  const stamp = hashSources(root, [...settings, ...librarySettings, 'libs/session/src']);
  const stampFile = join(dist, stampName);
  const isBuilt = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (ifNeeded && isBuilt()) return;
  await inBuildFolder((folder) => {
    const output = join(folder, 'dist');
    compile('tsconfig.lib.json', join(output, 'esm'));
    compile('tsconfig.cjs.json', join(output, 'cjs'));
    aimMaps(output, dist);
    writeFileSync(join(output, 'cjs/package.json'), '{ "type": "commonjs" }\n');
    writeFileSync(join(output, stampName), stamp);
    // Another process may have built the same meanwhile, and be reading it.
    if (!ifNeeded || !isBuilt()) putInPlace(output, dist, folder);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildLibrary({ ifNeeded: process.argv.includes('--if-needed') });
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
