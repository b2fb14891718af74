// Turns libs/session/src/redis/lua/*.lua, with their includes, into TypeScript: a build that ships ESM and CommonJS has
// no way of finding files beside itself that works in both. Run by `npm run generate:lua`; a test checks that it was.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const redisFolder = fileURLToPath(new URL('../libs/session/src/redis/', import.meta.url));
const luaFolder = join(redisFolder, 'lua');
const target = join(redisFolder, 'script-sources.ts');

/** The script with every `-- @include name` replaced by that file of `lua/include`, without comments and empty lines. */
function expand(file) {
  return readFileSync(join(luaFolder, file), 'utf8')
    .replace(/^-- @include (\S+)$/gm, (_, name) =>
      readFileSync(join(luaFolder, 'include', `${name}.lua`), 'utf8'),
    )
    .replace(/^ *--.*\n/gm, '')
    .replace(/\n{2,}/g, '\n');
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
