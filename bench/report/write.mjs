import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawChart } from './chart.mjs';
import { toMarkdown } from './markdown.mjs';
import { writePages } from './pages.mjs';

/** Writes the JSON of a run and what is made of it; a run that is saved also gives the pages their figures. */
export function writeResults(results, { isSaved }) {
  const folder = fileURLToPath(new URL(isSaved ? '../results/' : '../results/tmp/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const markdown = toMarkdown(results);
  writeFileSync(`${folder}results.json`, `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(`${folder}results.md`, markdown);
  if (results.http) writeFileSync(`${folder}chart.svg`, drawChart(results));
  if (isSaved) writePages(); // from the file: what a check will read
  console.log(markdown);
  console.error(`bench: written to ${folder}`);
}
