import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { transformFileSync } from '@swc/core';

const { code } = transformFileSync(join(import.meta.dirname, 'watchdog.ts'), {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the watchdog', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'kills the children of a process that dies by %s',
    async (signal) => {
      const script = `${code}
      const ended = spawn('true'); killWithUs(ended);
      const children = [spawn('sleep', ['60']), spawn('sleep', ['60'])];
      children.forEach(killWithUs);
      ended.once('exit', () => setTimeout(() => console.log(children.map((child) => child.pid).join(' ')), 50));
      setTimeout(() => {}, 60000);`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pids = line.toString().trim().split(' ').map(Number);
      expect(pids.map(isAlive)).toEqual([true, true]);
      parent.kill(signal);
      await once(parent, 'close');
      for (let waitedMs = 0; pids.some(isAlive) && waitedMs < 3_000; waitedMs += 20) await sleep(20);
      expect(pids.map(isAlive)).toEqual([false, false]);
    },
  );
});
