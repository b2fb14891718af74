// Turns libs/session/src/redis/lua/*.lua, with their includes, into TypeScript: a build that ships ESM and CommonJS has
// no way of finding files beside itself that works in both. The result is not kept in git: `npm install`, the builds and
// the tests write it.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expand } from './lua-includes.mjs';

const redisFolder = fileURLToPath(new URL('../libs/session/src/redis/', import.meta.url));
const luaFolder = join(redisFolder, 'lua');
const target = join(luaFolder, 'script-sources.ts');
const readLua = (file) => readFileSync(join(luaFolder, file), 'utf8');

export function generate() {
  const entries = readdirSync(luaFolder)
    .filter((file) => file.endsWith('.lua'))
    .sort()
    .map((file) => {
      const lua = expand(readLua(file), (include) => readLua(`include/${include}.lua`));
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
