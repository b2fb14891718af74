// Type-checks the ```ts blocks of pages in one TypeScript program, under a strict app's options.
// test/docs/snippets.e2e-spec.ts says how a page tells what a block needs.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { readPage, root } from './markdown.mjs';

/** Where the blocks lie, for the compiler: `PAGE/src/BLOCK.ts`, which nobody writes to the disk. */
const FOLDER = join(root, 'test/docs/pages');
const CONTEXT = '../../../context.js';
const STUBS = join(root, 'test/docs/packages.d.ts');
const NAMES = /^(?:type )?[A-Za-z_$][\w$]*(?:,\s*(?:type )?[A-Za-z_$][\w$]*)*$/;

/** What is wrong with the blocks of these pages: `{ path, line, message }`. */
export function snippetProblems(paths, folder = root) {
  const problems = [];
  const apps = new Map();
  for (const path of new Set(paths.flatMap(partsUpTo))) {
    const [first] = partsUpTo(path);
    if (!apps.has(first)) apps.set(first, []);
    addModules(apps.get(first), readPage(path, folder), problems);
  }
  return [...problems, ...compile([...apps.values()].flat())].sort(
    (a, b) => a.path.localeCompare(b.path) || a.line - b.line,
  );
}

/** A page and the parts before it, with whose app it goes on: `docs/x-part-2.md` comes after `docs/x.md`. */
export function partsUpTo(path) {
  const [, start, part] = /^(.*)-part-(\d)\.md$/.exec(path) ?? [];
  if (!part) return [path];
  return [`${start}.md`, ...Array.from({ length: part - 1 }, (_, index) => `${start}-part-${index + 2}.md`)];
}

/** Adds the modules of a page. A block whose file comes again further down is compiled under another name. */
function addModules(modules, { path, blocks }, problems) {
  const folder = join(FOLDER, partsUpTo(path)[0].replaceAll(/\W+/g, '-'));
  for (const block of blocks) {
    const at = (line, message) => problems.push({ path, line, message });
    if (block.language === 'json') checkJson(block, at);
    if (['js', 'mjs', 'javascript'].includes(block.language)) checkScript(block, at);
    if (block.language === 'typescript') at(block.line, 'write ```ts');
    if (block.language !== 'ts') continue;
    for (const { key, line } of block.unknown) at(line, `<!-- ${key}: … --> is unknown: with, file or run`);
    const unknown = block.words.find((word) => !['continues', 'members'].includes(word));
    if (unknown)
      at(block.line, `a block is \`\`\`ts, \`\`\`ts continues or \`\`\`ts members, not ${unknown}`);
    if (block.words.includes('continues')) {
      const module = modules.at(-1);
      if (module) append(module, block);
      else at(block.line, 'there is no block that this one continues');
      continue;
    }
    const name = block.file ?? `src/line-${block.line}.ts`;
    const earlier = modules.find((module) => module.name === name);
    if (earlier) earlier.name = name.replace(/(?=\.ts$)/, `-line-${earlier.line}`);
    const module = { path, folder, name, line: block.line, lines: [] };
    append(module, block);
    modules.push(module);
  }
}

/** Lines of the module, each with the line of the page that it comes from. */
function append(module, { line, text, words, context }) {
  const add = (code, from, step) => {
    for (const [index, one] of code.split('\n').entries()) {
      module.lines.push({ code: one, line: from + index * step });
    }
  };
  for (const comment of context) {
    const isNames = NAMES.test(comment.text);
    add(
      isNames ? `import { ${comment.text} } from '${CONTEXT}';` : comment.text,
      comment.line,
      isNames ? 0 : 1,
    );
  }
  const isMembers = words.includes('members');
  if (isMembers) add(`import { Injected } from '${CONTEXT}';\nclass Members extends Injected {`, line, 0);
  add(text.replace(/\n$/, ''), line + 1, 1);
  if (isMembers) add('}\nvoid Members;', line, 0);
}

/** What lies on the disk, parsed once for all compilations. */
const parsed = new Map();

function compile(modules) {
  const files = new Map(
    modules.map((module) => {
      const text = `${module.lines.map(({ code }) => code).join('\n')}\nexport {};\n`;
      return [join(module.folder, module.name), { ...module, text }];
    }),
  );
  const folders = new Set([...files.keys()].flatMap((file) => ancestors(dirname(file))));
  const options = compilerOptions();
  const disk = ts.createCompilerHost(options);
  const host = {
    ...disk,
    fileExists: (file) => files.has(file) || disk.fileExists(file),
    readFile: (file) => files.get(file)?.text ?? disk.readFile(file),
    directoryExists: (folder) => folders.has(folder) || ts.sys.directoryExists(folder),
    getSourceFile(file, version, ...rest) {
      if (files.has(file)) return ts.createSourceFile(file, files.get(file).text, version);
      if (!parsed.has(file)) parsed.set(file, disk.getSourceFile(file, version, ...rest));
      return parsed.get(file);
    },
  };
  const program = ts.createProgram({ rootNames: [...files.keys(), STUBS], options, host });
  const found = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()].map((diagnostic) => ({
    path: 'tsconfig.json',
    line: 0,
    message: textOf(diagnostic),
  }));
  for (const [file, module] of files) {
    const source = program.getSourceFile(file);
    const diagnostics = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    for (const diagnostic of diagnostics) {
      const index = source.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line;
      const line = module.lines[index]?.line ?? module.line;
      found.push({ path: module.path, line, message: textOf(diagnostic) });
    }
  }
  return found;
}

/** The repository's options, and one with which an app may be stricter. */
function compilerOptions() {
  const { compilerOptions } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) =>
    readFileSync(path, 'utf8'),
  ).config;
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...compilerOptions,
      noImplicitReturns: true,
      declaration: false,
      noEmit: true,
    },
    root,
  );
  return options;
}

function textOf({ code, messageText }) {
  return `TS${code}: ${ts.flattenDiagnosticMessageText(messageText, ' ').replaceAll(/\s+/g, ' ')}`;
}

function checkJson({ line, text }, at) {
  try {
    JSON.parse(text);
  } catch (error) {
    at(line, error.message.split('\n').join(' '));
  }
}

function checkScript({ line, text }, at) {
  const { diagnostics = [] } = ts.transpileModule(text, {
    reportDiagnostics: true,
    fileName: 'block.mjs',
    compilerOptions: { allowJs: true, target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  });
  for (const diagnostic of diagnostics) {
    const before = text.slice(0, diagnostic.start ?? 0).split('\n').length;
    at(line + before, textOf(diagnostic));
  }
}

function ancestors(folder) {
  return folder === root ? [] : [folder, ...ancestors(dirname(folder))];
}

/** `npm …` lines of the ```sh blocks whose script package.json does not have. */
export function unknownCommands(paths, folder = root) {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const known = new Set([...Object.keys(scripts), 'ci', 'install', 'init', 'pkg', 'test']);
  return paths.flatMap((path) =>
    readPage(path, folder)
      .blocks.filter(({ language }) => language === 'sh')
      .flatMap(({ line, text }) =>
        [...text.matchAll(/(?<=^|[\s;&|])npm (?:run )?(?:--?\S+ )*([\w:-]+)/g)]
          .filter(([, script]) => !known.has(script))
          .map(({ index, 1: script }) => {
            const before = text.slice(0, index).split('\n').length;
            return { path, line: line + before, message: `package.json has no script ${script}` };
          }),
      ),
  );
}
