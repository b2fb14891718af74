import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SCRIPTS = join(import.meta.dirname, '../../../scripts');

/** How long a build may take, together with another that it has to wait for, on a busy machine. */
export const BUILD_TIMEOUT_MS = 300_000;

/** For `beforeAll`: builds the sample if its sources have changed, so that no test's own time goes into that. */
export async function buildSample(): Promise<void> {
  await run('build.mjs');
}

/** As `buildSample`, for the library with all its doors: the sample's build has those that the sample uses. */
export async function buildLibrary(): Promise<void> {
  await run('build-lib.mjs');
}

async function run(script: string): Promise<void> {
  await promisify(execFile)(process.execPath, [join(SCRIPTS, script), '--if-needed']);
}
