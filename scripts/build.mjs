// Builds the sample with `nest build`; with --if-needed only when dist is not what the present sources give.
// A failed build changes nothing. All output goes to stderr: stdout belongs to the app that starts next.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inBuildFolder, putInPlace } from './build-folder.mjs';
import { buildConsole } from './build-console.mjs';
import { writeScriptSources } from './generate-lua.mjs';
import { hashSources } from './source-hash.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const stampName = '.sources';
const ifNeeded = process.argv.includes('--if-needed');
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
      readFileSync(join(dist, stampName), 'utf8') === currentStamp() &&
      ['src/main.js', 'console/app.js'].every((file) => existsSync(join(dist, file)))
    );
  } catch {
    return false;
  }
}

async function build(folder) {
  const output = join(folder, 'dist');
  const tsconfig = join(folder, 'tsconfig.json');
  const stamp = currentStamp(); // before the compiler reads: an edit during the build makes the stamp wrong, not right
  const config = { extends: '../../tsconfig.build.json', compilerOptions: { outDir: './dist' } };
  writeFileSync(tsconfig, JSON.stringify(config));
  await nestBuild(relative(root, tsconfig)); // the Nest CLI takes it relative to the root only
  await buildConsole(join(output, 'console'));
  writeFileSync(join(output, stampName), stamp);
  // Another process may have built the same meanwhile, and an app may run from that.
  if (!ifNeeded || !isBuilt()) putInPlace(output, dist, folder);
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

writeScriptSources();
if (!ifNeeded || !isBuilt()) {
  if (ifNeeded) console.error('building the sample …');
  try {
    await inBuildFolder(build);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
