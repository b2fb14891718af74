/** docs/compared.md says what the last full run of the bench measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (path: string) => readFileSync(join(__dirname, '../..', path), 'utf8');
const rowsOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.replaceAll('**', '').trim()),
    );
const section = (text: string, title: string) => text.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';

/** How a row of the page is called in bench/results/results.md. */
const NAMES: Readonly<Record<string, string>> = {
  'Latchkey + a quota by user': 'Latchkey + a quota',
  'passport-jwt, secret as a string': 'passport-jwt, secret as a string (the usual set-up)',
  'passport-jwt (KeyObject) + Throttler on Redis': 'passport-jwt, secret as a KeyObject + Throttler on Redis',
  'better-auth, its cookie cache': 'better-auth, its cookie cache (a block waits for it)',
};

describe('docs/compared.md', () => {
  it('has the numbers of bench/results', () => {
    const results = read('bench/results/results.md');
    const load = rowsOf(section(results, 'Requests, Redis on the same machine'));
    const asked = rowsOf(section(results, 'What a request asks of Redis'));
    const alone = rowsOf(section(results, 'One request at a time').split('With one further')[0] ?? '');
    const of = (rows: string[][], name: string) => rows.find(([first]) => first === name) ?? [];
    const first = (cell = '') => cell.split(' ')[0] ?? '';
    const rows = rowsOf(section(read('docs/compared.md'), 'Numbers')).slice(2);
    expect(rows.length).toBeGreaterThan(8);
    expect(rows).toEqual(
      rows.map(([name = '', , , , , last = '']) => {
        const measured = NAMES[name] ?? name;
        const [, express, , , cpu, , fastify] = of(load, measured);
        const [, calls] = of(asked, measured);
        const [, , , away] = of(alone, measured);
        return [name, first(express), first(fastify), calls, cpu, last === '–' ? last : `${first(away)} ms`];
      }),
    );
    expect(read('bench/results/results.md')).toContain('2026-11-28, 9 rounds, on 2 cores of AMD EPYC, 24 GB');
  });
});
