import { execFile } from 'node:child_process';
import { join } from 'node:path';

const SCRIPT = join(__dirname, '../../scripts/fuzz.mjs');

interface Run {
  readonly code: number;
  readonly output: string;
}

function fuzz(env: Readonly<Record<string, string>>): Promise<Run> {
  const { PATH, HOME, TMPDIR, REDIS_SERVER } = process.env;
  return new Promise((resolve) => {
    const all = { PATH, HOME, TMPDIR, REDIS_SERVER, ...env } as NodeJS.ProcessEnv;
    execFile(process.execPath, [SCRIPT], { env: all, timeout: 110_000 }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
      resolve({ code, output: stdout + stderr });
    });
  });
}

/** `npm run fuzz` is the long run; these are its first steps, always the same. */
describe('odd requests', () => {
  test.each(['express-memory,fastify-memory', 'express-redis,fastify-redis'])(
    'leave %s alive, with documented answers',
    async (targets) => {
      const { code, output } = await fuzz({
        FUZZ_REQUESTS: '1200',
        FUZZ_SEED: '10',
        FUZZ_TARGETS: targets,
      });
      expect(output).not.toContain('FAULT');
      expect({ code, output }).toMatchObject({ code: 0 });
    },
    120_000,
  );
});
