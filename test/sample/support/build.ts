import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SCRIPT = join(import.meta.dirname, '../../../scripts/build.mjs');

/** How long a build may take, together with another that it has to wait for, on a busy machine. */
export const BUILD_TIMEOUT_MS = 300_000;

/** For `beforeAll`: builds the sample if its sources have changed, so that no test's own time goes into that. */
export async function buildSample(): Promise<void> {
  await promisify(execFile)(process.execPath, [SCRIPT, '--if-needed']);
}
