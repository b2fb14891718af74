// Bundles the web console: one page, one script, one style. Types are the compiler's business (`npm run typecheck`).
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = join(dirname(fileURLToPath(import.meta.url)), '../src/console/web');

/** Bundles into `folder`, which is made. */
export async function buildConsole(folder) {
  await build({
    entryPoints: ['main.tsx', 'styles/app.css'].map((file) => ({ in: join(source, file), out: 'app' })),
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
    tsconfig: join(source, 'tsconfig.json'),
    outdir: folder,
    logLevel: 'warning',
  });
  for (const file of ['index.html', 'icon.svg']) copyFileSync(join(source, file), join(folder, file));
}
