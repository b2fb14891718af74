import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(__dirname, '../..');
const PAGES = ['README.md', 'docs/benchmarks.md', 'docs/compared.md', 'docs/redis-sizing.md'];
const check = async (...folder: string[]): Promise<string> => {
  const args = [join(root, 'bench/report/pages.mjs'), '--check', ...folder];
  try {
    await promisify(execFile)(process.execPath, args);
    return 'current';
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
};

describe('the figures of the bench in the README and in docs', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-figures-'));
    await mkdir(join(folder, 'docs'));
    for (const page of PAGES) await cp(join(root, page), join(folder, page));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are those of the checked-in results', async () => {
    expect(await check()).toBe('current');
    expect(await check(folder)).toBe('current');
  });

  it.each(PAGES)('would be found out if one of them were changed in %s', async (page) => {
    const path = join(folder, page);
    const text = await readFile(path, 'utf8');
    const [before, block, after] = text.split(/(?=<!-- bench:(?:begin|end) -->)/) as [string, string, string];
    const changed = block.replace(/\d\.\d\d/, (figure) => (Number(figure) + 0.01).toFixed(2));
    expect(changed).not.toBe(block);
    await writeFile(path, before + changed + after);
    expect(await check(folder)).toContain(`The figures in ${path} are not those of bench/results`);
  });

  it.each(PAGES)('name the run and the machine that they come from in %s', async (page) => {
    const results = JSON.parse(await readFile(join(root, 'bench/results/results.json'), 'utf8')) as {
      at: string;
      machine: { cpu: string; node: string };
    };
    const text = (await readFile(join(root, page), 'utf8')).replaceAll(/\s+/g, ' ');
    expect(text).toContain(results.at.slice(0, 10));
    expect(text).toContain(results.machine.cpu);
    expect(text).toContain(`Node ${results.machine.node.slice(1)}`);
  });
});
