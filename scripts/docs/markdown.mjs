// Reads Markdown: code blocks with the comments that stand before them, links, headings.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git', '.build', 'tmp', 'api']);
const FENCE = /^( *)(`{3,})([^`]*)$/;
const FILE_COMMENT = /^\/\/ (\S+\.\w+)$/;

/** Paths of all Markdown files below a folder, relative to it. */
export function markdownFiles(folder = root) {
  const found = [];
  const visit = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (SKIPPED.has(entry.name)) continue;
      const child = join(path, entry.name);
      if (entry.isDirectory()) visit(child);
      else if (entry.name.endsWith('.md')) found.push(relative(folder, child));
    }
  };
  visit(folder);
  return found.toSorted((a, b) => a.localeCompare(b));
}

/** Paths of the pages whose code is checked: both READMEs and `docs/`. */
export function documentPages() {
  const isPage = (path) => /^(README\.md|libs\/session\/README\.md|docs\/[^/]+\.md)$/.test(path);
  return markdownFiles().filter(isPage);
}

/** A page: its code blocks, its prose (the text with blank lines for code), its links, its anchors. */
export function readPage(path, folder = root) {
  const lines = readFileSync(join(folder, path), 'utf8').split('\n');
  const blocks = [];
  const prose = [];
  let block;
  let fence = '';
  let indent = 0;
  for (const [index, line] of lines.entries()) {
    const [, spaces, ticks, info] = FENCE.exec(line) ?? [];
    if (block) {
      prose.push('');
      if (ticks && ticks.length >= fence.length && !info.trim()) {
        blocks.push(finish(block));
        block = undefined;
      } else block.lines.push(line.slice(Math.min(indent, line.length - line.trimStart().length)));
    } else if (ticks) {
      const [language = '', ...words] = info.trim().split(/\s+/);
      block = { language, words, line: index + 1, lines: [], comments: commentsBefore(lines, index) };
      [fence, indent] = [ticks, spaces.length];
      prose.push('');
    } else prose.push(line);
  }
  if (block) throw new Error(`${path}:${block.line}: the code block does not end`);
  return { path, text: lines.join('\n'), blocks, ...readProse(prose) };
}

/**
 * `file` is the path in the first line, as in `// src/main.ts`, or in a comment `<!-- file: tsconfig.json -->`. `isRun`:
 * scripts/pack-walk.mjs runs the block, by `<!-- run -->`.
 */
function finish({ lines, comments, ...block }) {
  const of = (key) =>
    comments.filter((comment) => comment.key === key).map(({ line, text }) => ({ line, text }));
  const file = of('file')[0]?.text ?? FILE_COMMENT.exec(lines[0] ?? '')?.[1];
  return {
    ...block,
    text: lines.map((line) => `${line}\n`).join(''),
    file,
    context: of('with'),
    isRun: of('run').length > 0,
    unknown: comments.filter(({ key }) => !['with', 'file', 'run'].includes(key)),
  };
}

/** The comments `<!-- key: text -->` just above a block, of one line or several. */
function commentsBefore(lines, index) {
  const found = [];
  let last = index - 1;
  while (last >= 0) {
    if (!lines[last].trim()) {
      last--;
      continue;
    }
    if (!lines[last].trimEnd().endsWith('-->')) break;
    let first = last;
    while (first > 0 && !lines[first].includes('<!--')) first--;
    const text = lines.slice(first, last + 1).join('\n');
    const [, key, content] = /^\s*<!--\s*(\w+)(?::\s*([^]*?))?\s*-->\s*$/.exec(text) ?? [];
    if (!key) break;
    found.unshift({ key, text: content, line: first + 1 });
    last = first - 1;
  }
  return found;
}

function readProse(prose) {
  const links = [];
  const anchors = new Set();
  const code = [];
  const seen = new Map();
  for (const [index, line] of prose.entries()) {
    const [, heading] = /^#{1,6}\s+(.*?)\s*#*$/.exec(line) ?? [];
    if (heading) {
      const slug = slugOf(heading);
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      anchors.add(count === 0 ? slug : `${slug}-${count}`);
    }
    for (const [, id] of line.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id);
    for (const [, text] of line.matchAll(/`([^`]+)`/g)) code.push({ line: index + 1, text });
    const plain = line.replaceAll(/`[^`]*`/g, (match) => '`'.repeat(match.length));
    const targets = [
      ...plain.matchAll(/\]\(<?([^\s)>]+)>?(?:\s+"[^"]*")?\)/g),
      ...plain.matchAll(/^\s*\[[^\]]+\]:\s+<?([^\s>]+)>?/g),
      ...plain.matchAll(/<(?:a|img)\s[^>]*(?:href|src)="([^"]+)"/g),
    ];
    for (const [, target] of targets) links.push({ line: index + 1, target });
  }
  return { links, anchors, code };
}

/** The anchor that GitHub gives to a heading. */
function slugOf(heading) {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[`*]|<[^>]+>/g, '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

/** Links that lead nowhere, of the pages below a folder: `{ path, line, message }`. */
export function deadLinks(paths, folder = root) {
  const pages = new Map();
  const pageAt = (path) => {
    if (!pages.has(path)) pages.set(path, readPage(path, folder));
    return pages.get(path);
  };
  return paths.flatMap((path) =>
    pageAt(path).links.flatMap(({ line, target }) => {
      if (/^(?:https?|mailto):/.test(target)) return [];
      const [file, anchor] = target.split('#');
      const linked = file ? relative(folder, join(folder, dirname(path), decodeURIComponent(file))) : path;
      const problem = (message) => [{ path, line, message }];
      if (linked.startsWith('..'))
        return problem(`${target} leaves ${folder === root ? 'the repository' : 'the package'}`);
      if (!existsSync(join(folder, linked))) return problem(`${target} leads nowhere`);
      if (anchor && linked.endsWith('.md') && !pageAt(linked).anchors.has(anchor)) {
        return problem(`${linked} has no heading #${anchor}`);
      }
      return [];
    }),
  );
}
