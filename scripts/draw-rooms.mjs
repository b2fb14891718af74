// Writes the rooms of .dependency-cruiser.mjs into docs/architecture.md (floors) and CONTRIBUTING.md (a sentence a room).
// With --check it only says whether they are as written.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOMS } from '../.dependency-cruiser.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function floors() {
  const numbers = [...new Set(ROOMS.map(([floor]) => floor))].sort((a, b) => b - a);
  const lines = numbers.map((number) => {
    const rooms = ROOMS.filter(([floor]) => floor === number).map(([, room]) => room);
    return `${String(number).padStart(2)}  ${rooms.join(' · ')}`;
  });
  return ['```text', ...lines, '```'];
}

function sentences() {
  const rows = ROOMS.map(([floor, room, sentence]) => `| ${floor} | \`${room}\` | ${sentence} |`);
  return ['| floor | room | what lives there |', '| ----: | --- | --- |', ...rows];
}

/** @type {readonly (readonly [file: string, draw: () => string[]])[]} */
const TARGETS = [
  ['docs/architecture.md', floors],
  ['CONTRIBUTING.md', sentences],
];

let isStale = false;
for (const [file, draw] of TARGETS) {
  const path = join(root, file);
  const text = readFileSync(path, 'utf8');
  const [begin, end] = ['<!-- rooms:begin -->', '<!-- rooms:end -->'];
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${file} has no ${begin} … ${end}`);
  const drawn = [`${before}${begin}`, '', ...draw(), '', `${end}${after}`].join('\n');
  if (drawn === text) continue;
  isStale = true;
  if (!process.argv.includes('--check')) writeFileSync(path, drawn);
}
if (isStale && process.argv.includes('--check')) {
  console.error('The drawn rooms are not those of .dependency-cruiser.mjs: npm run docs:rooms');
  process.exitCode = 1;
}
