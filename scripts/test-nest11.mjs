// Runs the suites of what Nest 11 and 12 do differently against Nest 11: every decorator on every kind of handler, and
// the context suites. In a copy of the repository, so that nothing of this one changes. KEEP=1 leaves it for a look.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const COPIED = [
  '.npmrc',
  'jest.config.mjs',
  'libs',
  'package.json',
  'scripts',
  'src',
  'test',
  'tsconfig.json',
];
const SUITES = ['test/manifest/transports', 'test/manifest/strict', 'test/contexts/contract'];
/** Packages of Nest's with versions of their own. */
const SAME_ON_BOTH = ['@nestjs/throttler'];
const OF_NEST_11 = { '@nestjs/apollo': '^13', '@nestjs/graphql': '^13', '@nestjs/mercurius': '^13' };

const folder = mkdtempSync(join(tmpdir(), 'latchkey-nest11-'));
process.on('exit', () => {
  if (process.env.KEEP) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
/** What is being run, to be ended with this. */
let child;
for (const signal of ['SIGTERM', 'SIGINT'])
  process.once(signal, () => {
    child?.kill(signal);
    process.exit(1);
  });

const isOwn = (path) => !/[\\/](node_modules|dist)([\\/]|$)/.test(path.slice(root.length));
for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true, filter: isOwn });
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
for (const packages of [manifest.dependencies, manifest.devDependencies])
  for (const name of Object.keys(packages))
    if (name.startsWith('@nestjs/') && !SAME_ON_BOTH.includes(name))
      packages[name] = OF_NEST_11[name] ?? '^11';
writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));

async function run(command, args) {
  child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
}

// Some of the packages for tests name Nest 12 as their peer.
const flags = ['--legacy-peer-deps', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
try {
  await run('npm', ['install', '--loglevel=error', ...flags]);
  const jest = ['node_modules/jest/bin/jest.js', '--runInBand', '--cacheDirectory', join(folder, '.jest')];
  await run(process.execPath, [...jest, ...SUITES]);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
