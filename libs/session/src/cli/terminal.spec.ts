import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { showManifest } from './manifest.js';
import { readSettings } from './settings.js';
import { jsonLine, type Terminal } from './terminal.js';

/** An escape sequence in 7 and in 8 bits, a line turned round, a tag that nobody sees, and a line of one's own. */
const FOUL = 'a\u001B[2Jb\u009B2Jc\u007Fd\u202Ee\u{E0041}f\u2028g\nh';
const UNPRINTABLE = /(?!\n$)[\p{Cc}\p{Cf}\u2028\u2029]/u;

function terminalOf(out: string[], module: object = {}): Terminal {
  const load = () => Promise.resolve({ default: module });
  return { out: (text) => void out.push(text), err: () => undefined, env: {}, cwd: '/', user: 'olga', load };
}

it('JSON on a terminal is one line that moves no cursor, and says the same', () => {
  const value = { reason: FOUL, [FOUL]: [FOUL] };
  const line = jsonLine(value);
  expect(line).not.toMatch(UNPRINTABLE);
  expect(JSON.parse(line)).toEqual(value);
});

it('no path or role of a manifest writes lines of its own where manifests are compared', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-manifest-'));
  try {
    const [before, after] = [join(folder, 'before.json'), join(folder, 'after.json')];
    const entry = { kind: 'http', method: 'GET', path: '/admin', access: 'guarded', roles: [['admin']] };
    await writeFile(before, JSON.stringify([entry]));
    const opened = { ...entry, access: 'public', roles: [[FOUL]] };
    await writeFile(after, JSON.stringify([opened, { ...entry, path: FOUL }]));
    const out: string[] = [];
    expect(await showManifest(before, { compare: after, json: false }, terminalOf(out))).toBe(1);
    const lines = out.join('').split('\n');
    expect(lines).toHaveLength(5); // a change is three, an addition one, and the end
    for (const line of lines) expect(line).not.toMatch(UNPRINTABLE);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('the nodes of a Cluster are no 127.0.0.1', async () => {
  const options = { redis: { cluster: [{ host: 'a.example', port: 7000 }], password: 'secret' } };
  const secrets = new Set<string>();
  const { place } = await readSettings({ config: 'cluster.mjs' }, terminalOf([], options), secrets);
  expect([place, ...secrets]).toEqual(['a Cluster', 'secret']);
});
