import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const expander = pathToFileURL(join(import.meta.dirname, '../../scripts/lua-includes.mjs')).href;

/** The script as it goes to Redis, with these includes; scripts are ES modules, which Jest does not import. */
async function expanded(script: string, includes: Readonly<Record<string, string>> = {}): Promise<string> {
  const program = `
    import { expand } from ${JSON.stringify(expander)};
    const [script, includes] = process.argv.slice(1).map((text) => JSON.parse(text));
    process.stdout.write(expand(script, (name) => includes[name]));`;
  const args = ['--input-type=module', '-e', program, JSON.stringify(script), JSON.stringify(includes)];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

const MATHS = `-- Sums.
local ONE, TWO = 1, 2
local LIMIT = 9

local function add(a, b)
  -- a comment
  return a + b
end

local function increment(a)
  return add(a, ONE)
end

local function unused(a)
  return a
end
`;

describe('the includes of a script', () => {
  it('give what the script uses, and what that uses in turn, in their order', async () => {
    expect(await expanded('#!lua\n-- @include maths\nreturn increment(1)\n', { maths: MATHS })).toBe(
      `#!lua
local ONE, TWO = 1, 2
local function add(a, b)
  return a + b
end
local function increment(a)
  return add(a, ONE)
end
return increment(1)
`,
    );
  });

  it('drop what is named in comments only, or within a longer name', async () => {
    const script = '#!lua\n-- @include maths\n-- LIMIT and add\nreturn LIMITED, added, unused_too\n';
    expect(await expanded(script, { maths: MATHS })).toBe('#!lua\nreturn LIMITED, added, unused_too\n');
  });

  it('keep what is named in a string: too much is slow, too little would be wrong', async () => {
    const script = "#!lua\n-- @include maths\nreturn 'LIMIT'\n";
    expect(await expanded(script, { maths: MATHS })).toBe("#!lua\nlocal LIMIT = 9\nreturn 'LIMIT'\n");
  });

  it('may use one that is included before', async () => {
    const twice = 'local function twice(a)\n  return add(a, a)\nend\n';
    const script = '#!lua\n-- @include maths\n-- @include twice\nreturn twice(2)\n';
    expect(await expanded(script, { maths: MATHS, twice })).toBe(
      '#!lua\nlocal function add(a, b)\n  return a + b\nend\n' +
        'local function twice(a)\n  return add(a, a)\nend\nreturn twice(2)\n',
    );
  });

  it('give a block what only that block uses', async () => {
    const script = `#!lua
if ARGV[1] then
  -- @include maths
  return add(1, 2)
end
if ARGV[2] then
  -- @include maths
  return LIMIT
end
return 0
`;
    expect(await expanded(script, { maths: MATHS })).toBe(`#!lua
if ARGV[1] then
  local function add(a, b)
    return a + b
  end
  return add(1, 2)
end
if ARGV[2] then
  local LIMIT = 9
  return LIMIT
end
return 0
`);
  });

  it('give what a block and the script use to the script, once', async () => {
    const script = `#!lua
-- @include maths
local n = add(1, 2)
if n then
  -- @include maths
  return increment(n)
end
return n
`;
    expect(await expanded(script, { maths: MATHS })).toBe(`#!lua
local function add(a, b)
  return a + b
end
local n = add(1, 2)
if n then
  local ONE, TWO = 1, 2
  local function increment(a)
    return add(a, ONE)
  end
  return increment(n)
end
return n
`);
  });

  it('give the script what a block uses of an include that only the script has', async () => {
    const twice = 'local function twice(a)\n  return add(a, a)\nend\n';
    const script = `#!lua
-- @include maths
if ARGV[1] then
  -- @include twice
  return twice(1)
end
return 0
`;
    const lua = await expanded(script, { maths: MATHS, twice });
    expect(lua.indexOf('local function add')).toBeLessThan(lua.indexOf('if ARGV[1]'));
    expect(lua).not.toContain('increment');
  });

  it('hold functions on one line beside others', async () => {
    const short = 'local function one() return 1 end\nlocal function two()\n  return 2\nend\n';
    expect(await expanded('#!lua\n-- @include short\nreturn two()\n', { short })).toBe(
      '#!lua\nlocal function two()\n  return 2\nend\nreturn two()\n',
    );
  });

  it.each([
    ['a call', "redis.call('PING')\n"],
    ['a table over several lines', 'local T = {\n  1,\n}\n'],
    ['a global', 'x = 1\n'],
  ])('hold definitions only: %s is refused', async (_what, odd) => {
    await expect(expanded('#!lua\n-- @include odd\nreturn 1\n', { odd })).rejects.toThrow(
      'odd.lua holds more than definitions',
    );
  });

  it('do not nest inside a block that has some', async () => {
    const script = '#!lua\nif a then\n  -- @include maths\n  if b then\n    -- @include maths\n  end\nend\n';
    await expect(expanded(script, { maths: MATHS })).rejects.toThrow('includes inside of a block');
  });
});
