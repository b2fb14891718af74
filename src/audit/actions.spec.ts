import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Act, AUDIT_ACTIONS, OUTCOMES } from './actions.js';

const root = join(__dirname, '..');
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/\.spec\.ts$|^console\/web\//.test(file))
  .map((file) => readFileSync(join(root, file), 'utf8'));

describe('the audit log', () => {
  it('has an entry in the table for each action that is written, and for no other', () => {
    const written = sources.flatMap((text) =>
      [...text.matchAll(/\baction: '([^']+)'/g)].map(([, name]) => name),
    );
    expect(new Set(written)).toEqual(new Set(Object.keys(AUDIT_ACTIONS)));
  });

  it('takes no other action, and leaves no outcome without a text', () => {
    // @ts-expect-error an action that is not in the table
    const act: Act = { action: 'user.praise' };
    const { unknown: _, ...others } = OUTCOMES;
    // @ts-expect-error an outcome without a text
    const outcomes: typeof OUTCOMES = others;
    expect([act, outcomes]).toHaveLength(2);
  });
});
