// `npm run docs:api`: pages for every entry point that libs/session/package.json exports. A type in a public signature
// that no entry point exports, and a link that leads nowhere, fail it.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionDefaults } from 'typedoc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const library = join(root, 'libs/session');
const { exports } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'));
const builds = Object.values(exports).flatMap((door) => door.import?.default ?? []);

export default {
  entryPoints: builds.map((file) => join(library, file.replace('./dist/esm/', 'src/').replace(/js$/, 'ts'))),
  tsconfig: join(library, 'tsconfig.lib.json'),
  out: join(root, 'docs/api'),
  name: '@latchkey/session',
  readme: 'none',
  modifierTags: [...OptionDefaults.modifierTags, '@publicApi'],
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  hideGenerator: true,
  validation: {
    notExported: true,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    notDocumented: false,
  },
  // Sets whose members the pages spell out, and the contract that the project's own repositories pass.
  intentionallyNotExported: ['OTHER_ERRORS', 'SESSION_EVENTS', 'MakeHarness'],
  treatWarningsAsErrors: true,
};
