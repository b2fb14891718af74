// What is wrong with the documents, a line each: `node scripts/docs/check.mjs [PAGE…]`, by default all of them.
// With --folder, pages lie there instead of in the repository. test/docs/snippets.e2e-spec.ts says how to write pages.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deadLinks, documentPages, markdownFiles, readPage, root } from './markdown.mjs';
import { snippetProblems, unknownCommands } from './snippets.mjs';

const TEST_NAME = /^[\w-]+\/[\w-]+\.(?:app|redis|nodes|sample|browser|fuzz)$/;
const { values, positionals } = parseArgs({
  options: { folder: { type: 'string' } },
  allowPositionals: true,
});
const folder = values.folder ?? root;
const isEverything = positionals.length === 0;
const pages = isEverything ? documentPages() : positionals;
const problems = [
  ...snippetProblems(pages, folder),
  ...unknownCommands(pages, folder),
  ...deadLinks(isEverything ? markdownFiles() : positionals, folder),
  ...(isEverything ? missingFromIndex() : []),
  ...stalePaths(pages),
  ...conflictMarkers(isEverything ? markdownFiles() : positionals),
];
for (const { path, line, message } of problems) console.log(`${path}:${line}: ${message}`);
process.exitCode = problems.length > 0 ? 1 : 0;

function missingFromIndex() {
  const index = 'docs/README.md';
  const linked = new Set(readPage(index).links.map(({ target }) => `docs/${target.split('#')[0]}`));
  return pages
    .filter((page) => page.startsWith('docs/') && page !== index && !linked.has(page))
    .map((page) => ({ path: index, line: 1, message: `does not link ${page}` }));
}

/** Files of the repository that a page names in `code`, and that are not there. `jwt/forgeries.redis` names a test. */
function stalePaths(paths) {
  return paths.flatMap((path) =>
    readPage(path, folder)
      .code.map(({ line, text }) => ({
        line,
        text: TEST_NAME.test(text) ? `test/${text}.e2e-spec.ts` : text,
      }))
      .filter(({ text }) => /^(?:src|libs|test|bench|scripts|docs)\/[\w./-]+\.\w+$/.test(text))
      .filter(({ text }) => !existsSync(join(root, text)) && !isOfExample(path, text))
      .map(({ line, text }) => ({ path, line, message: `${text} does not exist` })),
  );
}

/** What a merge has left, also after a formatter has taken it for quotations. */
function conflictMarkers(paths) {
  return paths.flatMap((path) =>
    readFileSync(join(folder, path), 'utf8')
      .split('\n')
      .flatMap((text, i) =>
        /^(?:<{7}|>{7}|(?:> ){6}>)/.test(text)
          ? [{ path, line: i + 1, message: 'has a mark of a merge conflict' }]
          : [],
      ),
  );
}

/** A path of the app that the page builds. */
function isOfExample(path, text) {
  return readPage(path, folder).blocks.some(({ file }) => file === text);
}
