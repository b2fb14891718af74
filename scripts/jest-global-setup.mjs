// Once before all tests. A run of everything also gets the other programs and builds the sample here, where no test's
// timeout counts; a run of chosen files leaves that to the tests that need it (test/support/chromium.ts, app-process.ts,
// brokers.ts), and so does a build that fails.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureProgram } from './ensure-debian.mjs';
import { writeScriptSources } from './generate-lua.mjs';

export default function setUp({ nonFlagArgs }) {
  writeScriptSources();
  ensureProgram('redis-server');
  if (nonFlagArgs.length > 0) return;
  for (const name of ['chromium', 'nats-server', 'rabbitmq-server', 'nginx', 'postgresql', 'prometheus'])
    ensureProgram(name);
  const build = fileURLToPath(new URL('build.mjs', import.meta.url));
  spawnSync(process.execPath, [build, '--if-needed'], { stdio: ['ignore', 'ignore', 'inherit'] });
}
