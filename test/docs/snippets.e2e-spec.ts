/**
 * Every page compiles and every link leads somewhere. `node scripts/docs/check.mjs docs/jwt.md` says what is wrong with
 * one page; without a name, with all of them.
 *
 * A ```ts block of README.md, libs/session/README.md or docs/*.md is a module of its own. It shows its imports. What
 * else it needs stands above it in a comment, which a reader does not see, and counts for that block only:
 *
 *   <!-- with: sessions, account, Get, type UserState -->  names from test/docs/context.ts, which also has every name
 *                                                          of @latchkey/session and @nestjs/common. An interface in a
 *                                                          decorated signature needs `type`, as in an app
 *   <!-- with: declare const cart: Cart; -->               any other lines, one or several, also imports
 *
 * The word after ```ts says more:
 *
 *   ```ts continues   is appended to the block before, whose imports it then has
 *   ```ts members     holds members of a class. `this.sessions` and the other services of `Injected` are there
 *
 * A block whose first line is `// src/accounts.ts` is that file: other blocks of the page import it by
 * './accounts.js' (a block without a name lies in src/, too). The last block of a name is the one that others import.
 * docs/x-part-2.md goes on with the app of docs/x.md: its blocks import files of that page.
 * For files without such comments, `<!-- file: tsconfig.json -->` stands above the block. `<!-- run -->` above a ```sh
 * block lets scripts/pack-walk.mjs run it, in the parts of docs/getting-started.md.
 *
 * ```json must parse, and ```js (code for browsers) must too. An `npm run` in a ```sh block must be a script of
 * package.json. A path such as `bench/run.mjs` in the text must exist. Packages that are not installed here get their
 * types in test/docs/packages.d.ts. Blocks of another language, and those without one, are not read.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(__dirname, '../..');

async function check(...args: string[]): Promise<string[]> {
  const script = join(root, 'scripts/docs/check.mjs');
  const output = await promisify(execFile)(process.execPath, [script, ...args]).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string; stderr?: string }) => {
      if (error.stderr) throw new Error(error.stderr);
      return error.stdout ?? '';
    },
  );
  return output.split('\n').filter(Boolean);
}

describe('the documents', () => {
  it('compile, link what exists, and name only commands and files that exist', async () => {
    expect(await check()).toEqual([]);
  }, 180_000);
});

describe('a page', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-docs-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const problemsOf = async (...lines: string[]): Promise<string[]> => {
    await writeFile(join(folder, 'page.md'), `${lines.join('\n')}\n`);
    return check('--folder', folder, 'page.md');
  };

  it('may tell what its blocks need', async () => {
    const page = `
# A page

## Blocks & names

[above](#blocks--names)

\`\`\`ts
// src/numbers.ts
export const one: number = 1;
\`\`\`

\`\`\`ts
import { one } from './numbers.js';

export const two = one + one;
\`\`\`

Then:

\`\`\`ts continues
export const three: number = two + one;
\`\`\`

<!-- with: users, type UserState -->

\`\`\`ts
const state: UserState | undefined = await users.get('ada');
\`\`\`

<!-- with: import type { Session } from '@latchkey/session';
declare const mine: Session; -->
\`\`\`ts
mine.id.length.toFixed();
\`\`\`

<!-- with: CurrentUser, Get, type UserState -->

- in a list:

  \`\`\`ts
  export const four = 4;
  \`\`\`

<!-- with: CurrentUser, Get, type UserState -->

\`\`\`ts members
@Get('me')
async me(@CurrentUser() user: UserState) {
  return this.sessions.list(user.id);
}
\`\`\`
`;
    expect(await problemsOf(page)).toEqual([]);
  });

  it('is told the line of each fault', async () => {
    const page = `# A page
[dead](missing.md) [dead](#nothing) [outside](../page.md)

\`\`\`ts
import { SessionService } from '@latchkey/session';
export const broken = (sessions: SessionService) =>
  sessions.revokeEverything();
\`\`\`

\`\`\`ts continues
const text: string = 5;
\`\`\`

\`\`\`json
{ "a": }
\`\`\`

\`\`\`js
const a = ;
\`\`\`

\`\`\`sh
npm ci && npm run nothing
\`\`\`

<!-- with: unheardOf -->
\`\`\`ts
unheardOf();
\`\`\`

See \`bench/nowhere.mjs\` and \`storage/nowhere.redis\`, not \`storage/faults.redis\`.

<!-- context: declare const a: string; -->
\`\`\`ts
export {};
\`\`\`

${'<'.repeat(7)} HEAD

> > > > > > > a/branch`;
    const told = (await problemsOf(page)).map((problem) => problem.replace(/^(\S+ (?:TS\d+)?).*/, '$1'));
    expect(told).toEqual([
      'page.md:7: TS2339',
      'page.md:11: TS2322',
      'page.md:14: ',
      'page.md:19: TS1109',
      'page.md:26: TS2305',
      'page.md:33: ',
      'page.md:23: ',
      'page.md:2: ',
      'page.md:2: ',
      'page.md:2: ',
      'page.md:31: ',
      'page.md:31: ',
      'page.md:38: ',
      'page.md:40: ',
    ]);
  });

  it('goes on with the app of the parts before it', async () => {
    const first = '```ts\n// src/app.ts\nexport const one: number = 1;\n```\n';
    const second =
      "```ts\n// src/two.ts\nimport { one } from './app.js';\nexport const two: string = one;\n```\n";
    await writeFile(join(folder, 'app.md'), first);
    await writeFile(join(folder, 'app-part-2.md'), second);
    const told = await check('--folder', folder, 'app-part-2.md');
    expect(told.map((problem) => problem.slice(0, 25))).toEqual(['app-part-2.md:4: TS2322: ']);
  });
});
