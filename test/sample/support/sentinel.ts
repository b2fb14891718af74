import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/free-port.js';
import { killWithUs } from '../../support/watchdog.js';

/**
 * One Sentinel that watches one primary; unlike other servers it must have a file of its own to write.
 * @param more how many Sentinels must agree that a primary is down (default 1), and more lines of its file
 */
export async function startSentinel(
  name: string,
  primaryPort: number,
  { quorum = 1, lines = [] }: { readonly quorum?: number; readonly lines?: readonly string[] } = {},
) {
  const [port, dir] = [await freePort(), await mkdtemp(join(tmpdir(), 'latchkey-sentinel-'))];
  const file = join(dir, 'sentinel.conf');
  const place = `port ${port}\nbind 127.0.0.1\ndir ${dir}\n`;
  const watched = `sentinel monitor ${name} 127.0.0.1 ${primaryPort} ${quorum}\n`;
  await writeFile(file, [place, watched, ...lines.map((line) => `${line}\n`)].join(''));
  const child = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', [file, '--sentinel'], {
    stdio: 'ignore',
  });
  killWithUs(child);
  const closed = once(child, 'close');
  while (!(await accepts(port))) await sleep(20);
  return {
    address: `127.0.0.1:${port}`,
    async stop(): Promise<void> {
      child.kill();
      await closed;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
