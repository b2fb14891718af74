import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAULTS } from './fault-table.js';

const page = readFileSync(join(__dirname, '../../../docs/redis-promises.md'), 'utf8');

it.each(FAULTS)('docs/redis-promises.md names a test that plays: $name', ({ name, on, inTests = on }) => {
  const row = page.split('\n').find((line) => line.startsWith(`| ${name} `));
  const named = [...(row ?? '').matchAll(/`faults\/(\w+)\.nodes`/g)].map(([, topology]) => topology);
  expect(named.length).toBeGreaterThan(0);
  for (const topology of named) expect(inTests).toContain(topology);
});
