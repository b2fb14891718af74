// `npm run example sse` runs an example from its sources, with those of the library.
import { readdirSync } from 'node:fs';
import { register } from 'node:module';
import { basename, dirname } from 'node:path';

await import('reflect-metadata');
const [name = '', port = '3000'] = process.argv.slice(2);
const folder = new URL('../examples/', import.meta.url);
// A migration has two: `npm run example from-throttler/before`.
const names = readdirSync(folder, { recursive: true })
  .flatMap((path) => (basename(path) === 'app.ts' ? dirname(path) : []))
  .sort();
if (!names.includes(name)) {
  console.error(`Name one of ${names.join(', ')}`);
  process.exit(1);
}
register('./typescript-hooks.mjs', import.meta.url);
const { start } = await import(new URL(`${name}/app.ts`, folder).href);
const app = await start(Number(port));
console.log(`listening on ${await app.getUrl()}`);
