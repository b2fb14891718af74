// `npm run example sse` runs an example from its sources, with those of the library.
import { readdirSync } from 'node:fs';
import { register } from 'node:module';

await import('reflect-metadata');
const [name = '', port = '3000'] = process.argv.slice(2);
const folder = new URL('../examples/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? entry.name : [],
);
if (!names.includes(name)) {
  console.error(`Name one of ${names.join(', ')}`);
  process.exit(1);
}
register('./typescript-hooks.mjs', import.meta.url);
const { start } = await import(new URL(`${name}/app.ts`, folder).href);
const app = await start(Number(port));
console.log(`listening on ${await app.getUrl()}`);
