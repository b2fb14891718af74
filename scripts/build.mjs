// Builds the sample with `nest build`; with --if-needed only when dist is not what the present sources give.
// The build goes to a folder of its own and is renamed to dist when it is whole, so nobody ever sees half of one,
// and a failed build changes nothing. All output goes to stderr: stdout belongs to the app that starts next.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeScriptSources } from './generate-lua.mjs';
import { acquireLock } from './lock.mjs';
import { hashSources } from './source-hash.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const workName = '.build.lock';
const workFolder = join(root, workName);
const stampName = '.sources';
const settings = [
  'package.json',
  'package-lock.json',
  'nest-cli.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

const currentStamp = () => hashSources(root, [...settings, 'src', 'libs/session/src']);

function isBuilt() {
  try {
    return (
      readFileSync(join(dist, stampName), 'utf8') === currentStamp() && existsSync(join(dist, 'src/main.js'))
    );
  } catch {
    return false;
  }
}

async function build(lockNumber) {
  clearLeftovers();
  const output = join(workFolder, `output-${lockNumber}`);
  const tsconfig = join(workName, `tsconfig-${lockNumber}.json`); // the Nest CLI takes it relative to the root only
  const stamp = currentStamp(); // before the compiler reads: an edit during the build makes the stamp wrong, not right
  try {
    const config = {
      extends: '../tsconfig.build.json',
      compilerOptions: { outDir: `./output-${lockNumber}` },
    };
    writeFileSync(join(root, tsconfig), JSON.stringify(config));
    await nestBuild(tsconfig);
    writeFileSync(join(output, stampName), stamp);
    if (existsSync(dist)) renameSync(dist, join(workFolder, `replaced-${lockNumber}`));
    renameSync(output, dist);
  } finally {
    clearLeftovers();
  }
}

function clearLeftovers() {
  for (const name of readdirSync(workFolder)) {
    if (!/^(output|replaced|tsconfig|library)-/.test(name)) continue;
    try {
      rmSync(join(workFolder, name), { recursive: true, force: true });
    } catch {
      // The compiler of a killed build may still be writing there; the next build clears it away.
    }
  }
}

function nestBuild(tsconfig) {
  const cli = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  if (!existsSync(cli)) throw new Error('the dependencies are missing: run `npm ci` first');
  return new Promise((resolve, reject) => {
    // 2 twice: what the compiler prints to stdout goes to stderr too.
    const child = spawn(process.execPath, [cli, 'build', '--path', tsconfig], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    const stop = (signal) => child.kill(signal);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, stop);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(signal ? `the build was stopped by ${signal}` : 'the build failed'));
    });
  });
}

const ifNeeded = process.argv.includes('--if-needed');
writeScriptSources();
if (!ifNeeded || !isBuilt()) {
  const lock = await acquireLock(workFolder);
  try {
    // Another process may have built while we waited.
    if (!ifNeeded || !isBuilt()) {
      if (ifNeeded) console.error('building the sample …');
      await build(lock.number);
    }
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    lock.release();
  }
}
