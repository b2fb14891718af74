// Compiles one file against the packed library in every way that TypeScript finds packages, as an app's own compiler
// does; run by test-pack.mjs as `node pack-types.mjs FOLDER_OF_THE_APP`. The app's file imports every door. With
// skipLibCheck off, only what is said of the library's own files and of the app's file counts: others' declarations are
// not ours to mend, and checking them would take most of the time.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';

const LIBRARY = '@latchkey/session';

/** What an app's tsconfig says, and the ending of the app's file. */
const MODES = [
  ['node10, CommonJS', { module: 'commonjs', moduleResolution: 'node10' }, 'ts'],
  ['node10, ES modules', { module: 'es2022', moduleResolution: 'node10' }, 'ts'],
  ['node16, CommonJS', { module: 'node16', moduleResolution: 'node16' }, 'cts'],
  ['node16, ES modules', { module: 'node16', moduleResolution: 'node16' }, 'mts'],
  ['nodenext, CommonJS', { module: 'nodenext', moduleResolution: 'nodenext' }, 'cts'],
  ['nodenext, ES modules', { module: 'nodenext', moduleResolution: 'nodenext' }, 'mts'],
  ['bundler, CommonJS', { module: 'preserve', moduleResolution: 'bundler' }, 'cts'],
  ['bundler, ES modules', { module: 'es2022', moduleResolution: 'bundler' }, 'mts'],
];

/** One name of each door, and something that only fits together if all doors show the same declarations. */
function appFile() {
  const doors = {
    '': ['RateLimiter', 'SessionModule', 'SessionService'],
    '/graphql': ['GraphqlSubscriptions'],
    '/http': ['toProblem'],
    '/jwt': ['ServiceTokens'],
    '/live': ['LiveConnections'],
    '/metrics': ['SessionMetricsModule'],
    '/opentelemetry': ['SessionTracingModule'],
    '/telemetry': ['onTelemetry'],
    '/terminus': ['SessionHealthIndicator'],
    '/passport': ['SessionPassportModule'],
    '/socket.io': ['SessionIoAdapter'],
    '/swagger': ['documentSessions'],
    '/testing': ['SessionTestingModule'],
    '/throttler': ['RedisThrottlerStorage'],
    '/ws': ['SessionWsAdapter'],
  };
  const types = { '/access': ['AccessRequirements'], '/audit': ['AuditEntry'] };
  const known = readJson(libraryFile('package.json')).exports;
  const subpaths = Object.keys(known).filter((name) => name !== './package.json');
  const missing = subpaths.filter((name) => !(name.slice(1) in doors || name.slice(1) in types));
  if (missing.length > 0) throw new Error(`pack-types.mjs imports nothing from ${missing.join(', ')}`);
  const lines = Object.entries(doors).map(
    ([path, names]) => `import { ${names.join(', ')} } from '${LIBRARY}${path}';`,
  );
  for (const [path, names] of Object.entries(types)) {
    lines.push(`export type { ${names.join(', ')} } from '${LIBRARY}${path}';`);
  }
  return `${lines.join('\n')}
export const all: readonly unknown[] = [${Object.values(doors).flat().join(', ')}];
export const storage = (limiter: RateLimiter) => RedisThrottlerStorage.beside(limiter);
export const token = async (sessions: SessionService): Promise<string> => (await sessions.create('a')).token;
// @ts-expect-error the declarations are found, and are not any
export const wrong: number = SessionModule.forRoot().module;
`;
}

const folder = process.argv[2];
const require = createRequire(join(folder, 'package.json'));
const ts = require('typescript');
/** TypeScript 6 still finds packages the old way, but wants to hear that one knows. */
const deprecations = ts.version.startsWith('5.') ? {} : { ignoreDeprecations: '6.0' };
/** Nest 12 has ES modules only, which the modules of node16 cannot require: nobody writes such an app. */
const isNestRequirable = readJson(join(folder, 'node_modules/@nestjs/common/package.json')).type !== 'module';
const texts = new Map();

function libraryFile(name) {
  return join(folder, 'node_modules', ...LIBRARY.split('/'), name);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function check([name, { module, moduleResolution }, ending]) {
  const file = join(folder, `doors-${name.replaceAll(/\W+/g, '-')}.${ending}`);
  writeFileSync(file, appFile());
  const { options, errors } = ts.convertCompilerOptionsFromJson(
    {
      target: 'es2023',
      module,
      moduleResolution,
      strict: true,
      esModuleInterop: true,
      experimentalDecorators: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
      ...(moduleResolution === 'node10' ? deprecations : {}),
    },
    folder,
  );
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  host.readFile = (path) => {
    if (!texts.has(path)) texts.set(path, readFile(path));
    return texts.get(path);
  };
  const program = ts.createProgram({ rootNames: [file], options, host });
  const ours = program.getSourceFiles().filter(({ fileName }) => {
    return fileName === file.split(sep).join('/') || fileName.includes(`/node_modules/${LIBRARY}/`);
  });
  const problems = [...errors, ...program.getOptionsDiagnostics()];
  for (const source of ours) {
    problems.push(...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source));
  }
  return { count: ours.length, problems };
}

let isFine = true;
for (const mode of MODES) {
  const name = /** @type {string} */ (mode[0]);
  if (name === 'node16, CommonJS' && !isNestRequirable) continue;
  const startedAt = performance.now();
  const { count, problems } = check(mode);
  const ms = Math.round(performance.now() - startedAt);
  console.log(
    `${problems.length === 0 ? 'ok' : 'not ok'}: TypeScript ${ts.version}, ${name} (${count} files, ${ms} ms)`,
  );
  if (problems.length === 0) continue;
  isFine = false;
  const where = { getCanonicalFileName: String, getCurrentDirectory: () => folder, getNewLine: () => '\n' };
  console.log(ts.formatDiagnostics(problems, where));
}
process.exitCode = isFine ? 0 : 1;
