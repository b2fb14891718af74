// Once before all tests. A run of everything also builds the sample here, where no test's timeout counts; a run of
// chosen files leaves that to the tests that start it (test/support/app-process.ts), and so does a build that fails.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import ensureRedis from './ensure-redis.mjs';

export default function setUp({ nonFlagArgs }) {
  ensureRedis();
  if (nonFlagArgs.length > 0) return;
  const build = fileURLToPath(new URL('build.mjs', import.meta.url));
  spawnSync(process.execPath, [build, '--if-needed'], { stdio: ['ignore', 'ignore', 'inherit'] });
}
