// Turns libs/session/src/redis/lua/*.lua, with their includes, into TypeScript: a build that ships ESM and CommonJS has
// no way of finding files beside itself that works in both. Run by `npm run generate:lua`; a test checks that it was.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const redisFolder = fileURLToPath(new URL('../libs/session/src/redis/', import.meta.url));
const luaFolder = join(redisFolder, 'lua');
const target = join(redisFolder, 'script-sources.ts');

/** One definition of an include at the top level: a function to its `end`, or what else begins with `local`. */
const DEFINITION = /^local (?:function (\w+)[^]*?^end|([\w, ]+?) = .*)\n/gm;

/**
 * The script with every `-- @include name` replaced by what it uses of that file of `lua/include`: Redis makes every
 * function anew in every call. Without comments and empty lines.
 */
function expand(file) {
  const script = withoutComments(readFileSync(join(luaFolder, file), 'utf8'), { keepIncludes: true });
  const definitions = [...script.matchAll(/^-- @include (\S+)\n/gm)].flatMap(([, name]) => {
    const include = withoutComments(readFileSync(join(luaFolder, 'include', `${name}.lua`), 'utf8'));
    const found = [...include.matchAll(DEFINITION)];
    if (found.map(([text]) => text).join('') !== include)
      throw new Error(`${name}.lua holds more than definitions`);
    return found.map(([text, fn, names]) => ({ text, names: fn ? [fn] : names.split(', ') }));
  });
  const [shebang, ...lines] = script.replace(/^-- @include .*\n/gm, '').split('\n');
  const body = lines.join('\n');
  const used = [];
  for (const definition of definitions.toReversed()) {
    const text = [body, ...used].join('');
    if (definition.names.some((name) => new RegExp(`\\b${name}\\b`).test(text)))
      used.unshift(definition.text);
  }
  return [`${shebang}\n`, ...used, body].join('');
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

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, generate());
