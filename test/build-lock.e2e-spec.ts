import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const lockModule = pathToFileURL(join(import.meta.dirname, '../scripts/lock.mjs')).href;

/** Takes the lock, notes that, and gives it back after a while; one that is told to crash dies with it. */
const HOLDER = `
import { appendFileSync } from 'node:fs';
import { acquireLock } from ${JSON.stringify(lockModule)};
const [folder, journal, name, crashes] = process.argv.slice(1);
for (let round = 0; round < 5; round += 1) {
  const lock = await acquireLock(folder);
  appendFileSync(journal, 'in ' + name + '\\n');
  await new Promise((resolve) => setTimeout(resolve, 10));
  if (crashes === 'crashes' && round === 2) process.kill(process.pid, 'SIGKILL');
  appendFileSync(journal, 'out ' + name + '\\n');
  lock.release();
}
`;

describe('the lock of the build', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-lock-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is held by one process at a time, also when holders are killed', async () => {
    const journal = join(folder, 'journal');
    const holders = ['one', 'two', 'three', 'four', 'five'];
    const crashing = new Set(['two', 'four']);
    await Promise.all(
      holders.map(async (name) => {
        const fate = crashing.has(name) ? 'crashes' : 'ends';
        const args = ['--input-type=module', '-e', HOLDER, join(folder, 'lock'), journal, name, fate];
        const [code, signal] = (await once(spawn(process.execPath, args), 'exit')) as [
          number | null,
          string | null,
        ];
        expect([code, signal]).toEqual(fate === 'crashes' ? [null, 'SIGKILL'] : [0, null]);
      }),
    );
    const lines = (await readFile(journal, 'utf8')).trim().split('\n');
    let holder: string | undefined;
    for (const line of lines) {
      const [act, name = ''] = line.split(' ');
      if (act === 'in') expect(holder === undefined || crashing.has(holder)).toBe(true);
      else expect(name).toBe(holder);
      holder = act === 'in' ? name : undefined;
    }
    const rounds = (name: string): number => lines.filter((line) => line === `out ${name}`).length;
    expect(holders.map(rounds)).toEqual([5, 2, 5, 2, 5]);
  });
});
