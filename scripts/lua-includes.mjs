// Puts the includes into a Lua script, and of them only what the script uses: Redis makes every function anew in each
// run. With all of its includes, `authenticate` takes 1.28 times as long in the server.
// It knows words, not Lua: a name inside a string counts as a use, which keeps too much, never too little.

/** One definition of an include at the top level: a function to its `end`, or what else begins with `local`. */
const DEFINITION = /^local (?:function (\w+)(?:.*\bend$|[^]*?^end$)|([\w, ]+?) = .*)\n/gm;

function definitionsOf(include, source) {
  const lua = withoutComments(source);
  const found = [...lua.matchAll(DEFINITION)];
  if (found.map(([text]) => text).join('') !== lua) {
    throw new Error(`${include}.lua holds more than definitions`);
  }
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
 * The script with every `-- @include name` replaced by what it uses of that file, which `readInclude(name)` gives. An
 * include inside a block gives that block what only it uses. Without comments and empty lines.
 */
export function expand(source, readInclude) {
  const definitions = (includes) => includes.flatMap((name) => definitionsOf(name, readInclude(name)));
  const [shebang, ...lines] = withoutComments(source, { keepIncludes: true }).split('\n');
  const parts = partsOf(lines);
  const shared = parts.flatMap(({ indent, includes }) => (indent === '' ? definitions(includes) : []));
  const outside = parts.filter(({ indent }) => indent === '').map(({ text }) => text);
  const inBlocks = parts.filter(({ indent }) => indent !== '');
  // What blocks use that only an include at the top has, is used at the top.
  let atTop = usedBy(outside.join(''), shared);
  const ownOf = ({ text, includes }) => {
    const own = usedBy(text, definitions(includes));
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
