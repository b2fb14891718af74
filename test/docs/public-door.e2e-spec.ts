/**
 * What apps import: few names at the root, each one said to be public, each class, function and decorator with an
 * example. Examples compile. They are written as an app's code without its imports, in a ```ts block or as one line of
 * inline code; a line that begins with a decorator and has no class is a member of a controller. The names of `GIVEN` are
 * there. The language service takes an `@` inside a ```ts block for a tag: decorators go into inline code.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');
const library = join(root, 'libs/session');
const MOST_NAMES_AT_THE_ROOT = 90;

const { exports: doors } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8')) as {
  exports: Record<string, { import?: { default: string } }>;
};
const entries = Object.entries(doors).flatMap(([path, door]) => {
  if (!door.import) return [];
  const file = door.import.default.replace('./dist/esm/', 'src/').replace(/js$/, 'ts');
  return [{ module: `@latchkey/session${path.slice(1)}`, file: join(library, file) }];
});

/** What examples may use besides what they import: variables of an app. */
const GIVEN = `
declare const app: INestApplication, request: IncomingMessage, reply: ServerResponse, error: SessionError;
declare const sessions: SessionService, users: UserStateService, limiter: RateLimiter, audit: AuditLog;
declare const events: SessionEvents, ipLists: IpAllowlists, oneTimeTokens: OneTimeTokens, streams: EventStreams;
declare const transport: SessionTransport, serviceTokens: ServiceTokens, connections: LiveConnections;
declare const userId: string, address: string, clientIp: string, url: string, pem: string, token: string, id: string;
declare const epoch: number, logins: QuotaOptions, moderator: UserState, author: UserState, redis: Redis;
declare const posts: { remove(id: string): Promise<void> };
declare const socket: { close(code: number, reason: string): void; on(event: string, call: () => void): void };
declare const openRepository: Parameters<typeof describeRepositoryContract>[1];
declare class AppModule {}
`;
const OTHER_MODULES = [
  '@nestjs/apollo',
  '@nestjs/common',
  '@nestjs/graphql',
  '@nestjs/passport',
  '@nestjs/swagger',
  '@nestjs/terminus',
  '@nestjs/testing',
  '@nestjs/throttler',
  '@nestjs/websockets',
];
const OTHER_NAMES = `
import type { IncomingMessage, ServerResponse } from 'node:http';
import { writeFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import supertest from 'supertest';
`;

interface Exported {
  readonly module: string;
  readonly name: string;
  readonly isValue: boolean;
  readonly symbol: ts.Symbol;
  readonly tags: readonly ts.JSDocTagInfo[];
}

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
  ts.sys,
  root,
);
const host = ts.createCompilerHost(options);
const parsed = new Map<string, ts.SourceFile | undefined>();
const getSourceFile = host.getSourceFile.bind(host);
host.getSourceFile = (name, ...rest) => {
  if (!parsed.has(name)) parsed.set(name, getSourceFile(name, ...rest));
  return parsed.get(name);
};
const readExports = (): Exported[] => {
  const bridge = join(root, 'bridge.ts');
  const others = OTHER_MODULES.map((name, i) => `export * as other${i} from '${name}';`).join('\n');
  parsed.set(bridge, ts.createSourceFile(bridge, others, options.target ?? ts.ScriptTarget.ES2023, true));
  const program = ts.createProgram([...entries.map(({ file }) => file), bridge], options, host);
  const checker = program.getTypeChecker();
  const exportsOf = (module: string, symbol: ts.Symbol | undefined): Exported[] => {
    const exported = symbol ? checker.getExportsOfModule(symbol) : [];
    return exported.map((one) => {
      const target = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one;
      const isTypeOnly = one.declarations?.some((node) => ts.isTypeOnlyExportDeclaration(node)) === true;
      const isValue = (target.flags & ts.SymbolFlags.Value) !== 0 && !isTypeOnly;
      return { module, name: one.name, isValue, symbol: target, tags: target.getJsDocTags(checker) };
    });
  };
  const source = program.getSourceFile(bridge);
  const namespaces = source
    ? checker.getExportsOfModule(checker.getSymbolAtLocation(source) as ts.Symbol)
    : [];
  return [
    ...entries.flatMap(({ module, file }) => {
      const door = program.getSourceFile(file);
      return exportsOf(module, door && checker.getSymbolAtLocation(door));
    }),
    ...namespaces.flatMap((one, i) => exportsOf(OTHER_MODULES[i] as string, checker.getAliasedSymbol(one))),
  ];
};
const all = readExports();
const ours = all.filter(({ module }) => module.startsWith('@latchkey/'));
/** An app has one adapter of sockets, and none of the packages of the other. */
const isOfAdapter = ({ module }: Exported): boolean => /\/(?:ws|socket\.io)$/.test(module);
const has = ({ tags }: Exported, tag: string): boolean => tags.some(({ name }) => name === tag);

describe('the public door', () => {
  it('has few names at the root', () => {
    const names = ours.filter(({ module }) => module === '@latchkey/session');
    expect(names.length).toBeGreaterThan(50);
    expect(names.length).toBeLessThanOrEqual(MOST_NAMES_AT_THE_ROOT);
  });

  it('says of every name that it is public', () => {
    expect(ours.filter((one) => !has(one, 'publicApi')).map(({ name }) => name)).toEqual([]);
  });

  it('shows an example of every class, function and decorator', () => {
    expect(ours.filter((one) => one.isValue && !has(one, 'example')).map(({ name }) => name)).toEqual([]);
  });

  it('has no name for two things, nor one thing at two doors that an app may have both of', () => {
    const twice = ours.filter(({ name, symbol }, i) =>
      ours.slice(0, i).some((one) => one.name === name && !(one.symbol === symbol && isOfAdapter(one))),
    );
    expect(twice.map(({ module, name }) => `${module}: ${name}`)).toEqual([]);
  });

  it('shows examples that compile', () => {
    const examples = ours.flatMap((one) => one.tags.flatMap((tag) => codeOf(one.name, tag)));
    expect(examples.length).toBeGreaterThanOrEqual(ours.filter(({ isValue }) => isValue).length);
    expect(problemsIn(examples)).toEqual([]);
  });

  it('notices an example that does not', () => {
    const examples = [{ name: 'Wrong', code: 'await sessions.revokeEverything();' }];
    expect(problemsIn(examples)).toEqual([expect.stringContaining('Wrong: Property')]);
  });
});

interface Example {
  readonly name: string;
  readonly code: string;
}

function codeOf(name: string, tag: ts.JSDocTagInfo): Example[] {
  if (tag.name !== 'example') return [];
  const text = ts.displayPartsToString(tag.text);
  const fenced = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = '']) => code);
  const [, inline] = /^`([^`\n]+)`$/m.exec(text) ?? [];
  const codes = inline === undefined ? fenced : [inline, ...fenced];
  // One that the language service tore apart has none, and does not compile.
  return (codes.length > 0 ? codes : ['torn apart']).map((code) => ({ name, code }));
}

function problemsIn(examples: readonly Example[]): string[] {
  const names = examples.map(({ name, code }, i) => {
    const path = join(root, `test/docs/example-${i}-${name}.ts`);
    parsed.set(
      path,
      ts.createSourceFile(path, moduleOf(code), options.target ?? ts.ScriptTarget.ES2023, true),
    );
    return path;
  });
  const program = ts.createProgram(
    names,
    { ...options, noEmit: true, strictPropertyInitialization: false },
    host,
  );
  return names.flatMap((path, i) => {
    const source = program.getSourceFile(path);
    const problems = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return problems.map(
      ({ messageText }) => `${examples[i]?.name}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  });
}

function moduleOf(code: string): string {
  const isMember = code.startsWith('@') && !code.includes('class ');
  const body = isMember ? `export class Example { ${code} }` : code;
  const text = `${GIVEN}${body}`;
  const taken = new Set(['AppModule']);
  const imports = all.flatMap(({ module, name, isValue }) => {
    if (taken.has(name) || !new RegExp(`\\b${name}\\b`).test(text)) return [];
    taken.add(name);
    return [`import ${isValue ? '' : 'type '}{ ${name} } from '${module}';`];
  });
  // What an example declares itself hides the given name.
  return `${imports.join('\n')}${OTHER_NAMES}${GIVEN}{\n${hoisted(body)}\n}\nexport {};\n`;
}

/** Inside the block there can be no `export`. */
function hoisted(body: string): string {
  return body.replaceAll(/\bexport (?=class|const|function|async)/g, '');
}
