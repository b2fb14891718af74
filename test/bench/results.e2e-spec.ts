import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(__dirname, '../..');
const check = async (...readme: string[]): Promise<string> => {
  const args = [join(root, 'bench/report/readme.mjs'), '--check', ...readme];
  try {
    await promisify(execFile)(process.execPath, args);
    return 'current';
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
};

describe('the figures in the README', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-readme-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('are those of the checked-in results', async () => {
    expect(await check()).toBe('current');
  });

  it('would be found out if one of them were changed', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const [before, block, after] = readme.split(/(?=<!-- bench:(?:begin|end) -->)/) as [
      string,
      string,
      string,
    ];
    const changed = block.replace(/\d\.\d\d/, (figure) => (Number(figure) + 0.01).toFixed(2));
    expect(changed).not.toBe(block);
    const copy = join(folder, 'README.md');
    await writeFile(copy, before + changed + after);
    expect(await check(copy)).toContain('The figures in the README are not those of bench/results');
  });

  it('name the run and the machine that they come from', async () => {
    const results = JSON.parse(await readFile(join(root, 'bench/results/results.json'), 'utf8')) as {
      at: string;
      machine: { cpu: string; node: string };
    };
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    expect(readme).toContain(results.at.slice(0, 10));
    expect(readme).toContain(results.machine.cpu);
    expect(readme).toContain(`Node ${results.machine.node.slice(1)}`);
  });
});
