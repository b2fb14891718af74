// The public API, one report for each entry point, in libs/session/api: `npm run api` writes them, `npm run api:check`
// fails where they differ, so that a change of the public door shows in review. Both read the build's declarations.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { buildLibrary } from './build-lib.mjs';

const library = join(dirname(fileURLToPath(import.meta.url)), '../libs/session');
const reports = join(library, 'api');
const isCheck = process.argv.includes('--check');

const packageFile = join(library, 'package.json');
const doors = Object.entries(JSON.parse(readFileSync(packageFile, 'utf8')).exports)
  .filter(([, door]) => door.import)
  .map(([path, door]) => ({ name: path.slice(2) || 'session', types: join(library, door.import.types) }));

function configOf({ name, types }, scratch) {
  const silent = { default: { logLevel: 'none' } };
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    strict: true,
    skipLibCheck: true,
    types: ['node'],
  };
  return ExtractorConfig.prepare({
    configObjectFullPath: join(library, 'api-extractor.json'), // nothing is read from there
    packageJsonFullPath: packageFile,
    configObject: {
      projectFolder: library,
      mainEntryPointFilePath: types,
      compiler: { overrideTsconfig: { compilerOptions, files: doors.map((door) => door.types) } },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: reports,
        reportTempFolder: scratch,
      },
      newlineKind: 'lf',
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: silent,
        extractorMessageReporting: silent,
        tsdocMessageReporting: silent,
      },
    },
  });
}

await buildLibrary({ ifNeeded: true });
const scratch = await mkdtemp(join(tmpdir(), 'latchkey-api-'));
try {
  const configs = doors.map((door) => configOf(door, scratch));
  const compilerState = CompilerState.create(configs[0]);
  const changed = doors.filter((_, i) => {
    const messageCallback = (message) => void (message.handled = true);
    return Extractor.invoke(configs[i], { compilerState, localBuild: !isCheck, messageCallback })
      .apiReportChanged;
  });
  const stale = readdirSync(reports).filter((file) => !doors.some(({ name }) => file === `${name}.api.md`));
  const names = [...changed.map(({ name }) => `${name}.api.md`), ...stale];
  if (!isCheck) for (const file of stale) rmSync(join(reports, file));
  if (names.length > 0) {
    console.error(
      `libs/session/api: ${names.join(', ')} ${isCheck ? 'differ: run npm run api, and read the diff' : 'written'}`,
    );
    if (isCheck) process.exitCode = 1;
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
