// Writes docs/options.md from the docstrings of the option interfaces: `npm run docs:options`. With --check it only
// compares. The interfaces are found by name, wherever in the library they are declared. An option without a meaning,
// or an optional one without a default (`@defaultValue`), is an error.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const SOURCES = 'libs/session/src';
const PAGE = 'docs/options.md';
const WIDTH = 120;

/** What the page has, in this order. */
const SECTIONS = {
  'The module': [
    'SessionModuleOptions',
    'LifetimeOption',
    'QuotaOptions',
    'RateLimitOptions',
    'JwtOptions',
    'JwtKey',
    'UserDirectory',
    'DirectoryUser',
  ],
  'Sessions and users': [
    'CreateSessionOptions',
    'ReplaceTokenOptions',
    'RefreshOptions',
    'DataChangeOptions',
    'BlockOptions',
    'ChangeOptions',
    'UserUpdate',
  ],
  'IP lists and one-time tokens': ['IpListOptions', 'OneTimeTokenOptions', 'ConsumeOptions'],
  'Between services (`@latchkey/session/jwt`)': ['ServiceTokensOptions', 'TrustedService', 'NewServiceToken'],
  'Throttler (`@latchkey/session/throttler`)': ['RedisThrottlerStorageOptions'],
  'Metrics (`@latchkey/session/metrics`)': ['SessionMetricsOptions'],
  'Traces (`@latchkey/session/opentelemetry`)': ['SessionTracingOptions'],
  'Health (`@latchkey/session/terminus`)': ['SessionHealthOptions'],
  'Tests (`@latchkey/session/testing`)': ['SessionTestingOptions', 'LoginAsOptions'],
};

const HEAD = `# Options

<!-- Made by \`npm run docs:options\` from the docstrings. Edit those; a test compares. -->

A \`Duration\` is a number of milliseconds, or a number with its unit: \`'500ms'\`, \`'90s'\`, \`'10m'\`, \`'1.5h'\`, \`'30d'\`.
`;

/** The page as the sources make it. */
function optionsPage() {
  const declarations = findDeclarations(new Set(Object.values(SECTIONS).flat()));
  const parts = Object.entries(SECTIONS).map(([title, names]) => {
    return [`## ${title}`, ...names.map((name) => section(name, declarations))].join('\n\n');
  });
  return `${HEAD}\n${parts.join('\n\n')}\n`;
}

/** The declaration of each of these names. */
function findDeclarations(names) {
  const found = new Map();
  const files = readdirSync(join(root, SOURCES), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))) {
    const text = readFileSync(join(root, SOURCES, file), 'utf8');
    if (!/^export (?:interface|type) /m.test(text)) continue;
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    for (const node of source.statements) {
      const isType = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
      if (!isType || !names.has(node.name.text) || !isPublic(node)) continue;
      if (found.has(node.name.text)) throw new Error(`${node.name.text} is declared twice`);
      found.set(node.name.text, node);
    }
  }
  const missing = [...names].find((name) => !found.has(name));
  if (missing) throw new Error(`${missing} is declared nowhere in ${SOURCES}`);
  return found;
}

function isPublic(node) {
  return ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'publicApi');
}

function section(name, declarations) {
  const node = declarations.get(name);
  const { text } = docOf(node, name);
  const rows = membersOf(node, declarations).flatMap((member) =>
    rowsOf(member, { owner: name, declarations }),
  );
  const intro = text
    .split(/\n\s*\n/)
    .map((paragraph) => wrap(paragraph.replaceAll(/\s+/g, ' ')))
    .join('\n\n');
  const table = ['| option | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
  return [`### ${name}`, intro, ...(rows.length > 0 ? [table] : [])].join('\n\n');
}

/** The properties of an interface, those that it inherits first; of a type, those of the object in it. */
function membersOf(node, declarations) {
  if (ts.isTypeAliasDeclaration(node)) return literalIn(node.type)?.members ?? [];
  const bases = (node.heritageClauses ?? []).flatMap(({ types }) => types.map((type) => type.getText()));
  const inherited = bases.flatMap((base) => {
    const declaration = declarations.get(base);
    return declaration ? [...membersOf(declaration, declarations)] : [];
  });
  return [...inherited, ...node.members.filter((member) => ts.isPropertySignature(member))];
}

/** The inline object of a type, also of one of several alternatives. */
function literalIn(type) {
  if (!type) return undefined;
  if (ts.isTypeLiteralNode(type)) return type;
  return ts.isUnionTypeNode(type) ? type.types.find((one) => ts.isTypeLiteralNode(one)) : undefined;
}

function rowsOf(member, { owner, prefix = '', declarations }) {
  const option = prefix + member.name.getText();
  const where = `${owner}: ${option}`;
  const { text, defaultValue } = docOf(member, where);
  const literal = literalIn(member.type);
  const nested = literal?.members.some((one) => ts.getJSDocCommentsAndTags(one).length > 0)
    ? literal
    : undefined;
  const isOptional = member.questionToken !== undefined;
  if (isOptional && !defaultValue && !nested) throw new Error(`${where} has no @defaultValue`);
  if (!isOptional && defaultValue) throw new Error(`${where} is required and has a @defaultValue`);
  const cells = [
    `\`${option}\``,
    typeCell(member, { nested, declarations }),
    isOptional ? (defaultValue ?? 'see below') : 'required',
    text.replaceAll(/\s+/g, ' '),
  ];
  const row = `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rows = (nested?.members ?? []).flatMap((one) =>
    rowsOf(one, { owner, prefix: `${option}.`, declarations }),
  );
  return [row, ...rows];
}

function typeCell({ type, parent }, { nested, declarations }) {
  const parameter = parent.typeParameters?.find(({ name }) => name.getText() === type.getText());
  const whole = (parameter?.default ?? type).getText();
  const text = nested ? whole.replace(nested.getText(), '{ … }') : whole;
  const short = text.replaceAll(/\s+/g, ' ').replaceAll('readonly ', '').replace(/^\| /, '');
  return declarations.has(short) ? `[\`${short}\`](#${short.toLowerCase()})` : `\`${short}\``;
}

function docOf(node, where) {
  const doc = ts.getJSDocCommentsAndTags(node).findLast((one) => ts.isJSDoc(one));
  const text = ts.getTextOfJSDocComment(doc?.comment)?.trim();
  if (!text) throw new Error(`${where} has no docstring`);
  const tag = doc.tags?.find(({ tagName }) => tagName.text === 'defaultValue');
  return { text, defaultValue: ts.getTextOfJSDocComment(tag?.comment)?.trim().replaceAll(/\s+/g, ' ') };
}

function wrap(paragraph) {
  const lines = [''];
  for (const word of paragraph.split(' ')) {
    const line = lines.at(-1);
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join('\n');
}

const page = optionsPage();
if (!process.argv.includes('--check')) writeFileSync(join(root, PAGE), page);
else if (!existsSync(join(root, PAGE)) || readFileSync(join(root, PAGE), 'utf8') !== page) {
  console.error(`${PAGE} is not what the docstrings say: run npm run docs:options`);
  process.exitCode = 1;
}
