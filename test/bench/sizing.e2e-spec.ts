import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface Size {
  readonly bytes: number;
  readonly cores: number;
  readonly shards: number;
}

const bench = join(__dirname, '../../bench');
const run = promisify(execFile);

it('docs/sizing.md says what the measured figures come to', async () => {
  await expect(run(process.execPath, ['sizing.mjs', '--check'], { cwd: bench })).resolves.toBeDefined();
});

it('memory and cores each decide how many shards there are', async () => {
  const results = (user: number, cpu: number) => ({
    memory: { plain: [{ sessions: 2, user }] },
    acts: { login: { cpu: 100 } },
    checkUnderHttp: { cpu },
  });
  const script = `
    import { sizeOf } from './sizing.mjs';
    const sizes = ${JSON.stringify([results(500, 12), results(5, 12), results(500, 0.1)])}.map((one) => sizeOf(one, 1e9));
    console.log(JSON.stringify(sizes));
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: bench });
  const [both, light, cheap] = JSON.parse(stdout) as Size[];
  expect(both).toMatchObject({ bytes: 3.5e11, cores: 200, shards: 200 });
  expect(light).toMatchObject({ cores: 200, shards: 200 });
  expect(cheap!.shards).toBe(Math.ceil(3.5e11 / (24 * 2 ** 30)));
});
