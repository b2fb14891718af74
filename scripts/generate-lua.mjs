// Turns libs/session/src/redis/lua/*.lua, with their includes, into TypeScript: a build that ships ESM and CommonJS has
// no way of finding files beside itself that works in both. The result is not kept in git: `npm install`, the builds and
// the tests write it.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const redisFolder = fileURLToPath(new URL('../libs/session/src/redis/', import.meta.url));
const luaFolder = join(redisFolder, 'lua');
const target = join(luaFolder, 'script-sources.ts');

/** One definition of an include at the top level: a function to its `end`, or what else begins with `local`. */
const DEFINITION = /^local (?:function (\w+)[^]*?^end|([\w, ]+?) = .*)\n/gm;

function definitionsOf(include) {
  const lua = withoutComments(readFileSync(join(luaFolder, 'include', `${include}.lua`), 'utf8'));
  const found = [...lua.matchAll(DEFINITION)];
  if (found.map(([text]) => text).join('') !== lua)
    throw new Error(`${include}.lua holds more than definitions`);
  return found.map(([text, fn, names]) => ({ text, names: fn ? [fn] : names.split(', ') }));
}

const uses = (text, { names }) => names.some((name) => new RegExp(`\\b${name}\\b`).test(text));

/** What of these definitions a text uses, and what those use in turn; in their order. */
function usedBy(text, definitions) {
  const used = [];
  for (const definition of definitions.toReversed()) {
    if (uses([text, ...used.map((one) => one.text)].join(''), definition)) used.unshift(definition);
  }
  return used;
}

/**
 * The script with every `-- @include name` replaced by what is used of that file of `lua/include`: Redis makes every
 * function anew in every run. An include inside a block gives that block what only it uses. Without comments and empty
 * lines.
 */
function expand(file) {
  const script = withoutComments(readFileSync(join(luaFolder, file), 'utf8'), { keepIncludes: true });
  const [shebang, ...lines] = script.split('\n');
  const parts = partsOf(lines);
  const shared = parts.flatMap(({ indent, includes }) =>
    indent === '' ? includes.flatMap(definitionsOf) : [],
  );
  const outside = parts.filter(({ indent }) => indent === '').map(({ text }) => text);
  const inBlocks = parts.filter(({ indent }) => indent !== '');
  // What blocks use that only an include at the top has, is used at the top.
  let atTop = usedBy(outside.join(''), shared);
  const ownOf = ({ text, includes }) => {
    const own = usedBy(text, includes.flatMap(definitionsOf));
    return own.filter(({ names }) => !atTop.some((one) => one.names.includes(names[0])));
  };
  for (const block of inBlocks) {
    const own = ownOf(block);
    const missing = shared.filter(({ names }) => !own.some((one) => one.names.includes(names[0])));
    const text = [...own.map((one) => one.text), block.text].join('');
    const needed = new Set([...atTop, ...usedBy(text, missing)]);
    atTop = shared.filter((definition) => needed.has(definition));
  }
  const body = parts.map((part) => {
    const own = part.indent === '' ? [] : ownOf(part);
    return own.map(({ text }) => text.replace(/^(?=.)/gm, part.indent)).join('') + part.text;
  });
  return [`${shebang}\n`, ...atTop.map(({ text }) => text), ...body].join('');
}

/** The script in pieces: each begins with its includes, and one inside a block goes to the end of the block. */
function partsOf(lines) {
  const parts = [{ indent: '', includes: [], text: '' }];
  for (const line of lines) {
    const [, indent, include] = /^( *)-- @include (\S+)$/.exec(line) ?? [];
    let part = parts.at(-1);
    const isOver = part.indent !== '' && line !== '' && !line.startsWith(part.indent);
    if (isOver) parts.push((part = { indent: '', includes: [], text: '' }));
    if (include === undefined) {
      part.text += `${line}\n`;
    } else if (indent === part.indent && part.text === '') {
      part.includes.push(include);
    } else {
      if (part.indent !== '') throw new Error(`includes inside of a block that has some: ${line}`);
      parts.push({ indent, includes: [include], text: '' });
    }
  }
  parts.at(-1).text = parts.at(-1).text.replace(/\n$/, '');
  return parts;
}

function withoutComments(lua, { keepIncludes = false } = {}) {
  const comments = keepIncludes ? /^ *--(?! @include ).*\n/gm : /^ *--.*\n/gm;
  return lua
    .replace(comments, '')
    .replace(/\n{2,}/g, '\n')
    .replace(/^\n/, '');
}

export function generate() {
  const entries = readdirSync(luaFolder)
    .filter((file) => file.endsWith('.lua'))
    .sort()
    .map((file) => {
      const lua = expand(file);
      const sha1 = createHash('sha1').update(lua).digest('hex');
      return `  '${basename(file, '.lua')}': {\n    sha1: '${sha1}',\n    lua: String.raw\`${lua}\`,\n  },\n`;
    });
  return `// Generated from lua/*.lua by \`npm run generate:lua\`. Do not edit.\n\nexport const SCRIPT_SOURCES = {\n${entries.join('')}} as const;\n`;
}

/** Writes the file anew if it is not what the scripts give. */
export function writeScriptSources() {
  const sources = generate();
  if (existsSync(target) && readFileSync(target, 'utf8') === sources) return;
  writeFileSync(`${target}.${process.pid}`, sources);
  renameSync(`${target}.${process.pid}`, target);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeScriptSources();
