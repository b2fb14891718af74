import { inspect } from 'node:util';
import { privateSlot } from './private-slot.js';

describe('privateSlot', () => {
  it('keeps a value beside an object, the latest one', () => {
    const notes = privateSlot<string>();
    const target = { id: 1 };
    expect(notes.get(target)).toBeUndefined();
    notes.set(target, 'first');
    notes.set(target, 'second');
    expect(notes.get(target)).toBe('second');
    expect(notes.get({ id: 1 })).toBeUndefined();
  });

  it('keeps what is kept for one purpose apart from what is kept for another', () => {
    const [one, other] = [privateSlot<string>(), privateSlot<string>()];
    const target = Object.freeze({});
    one.set(target, 'a');
    expect(other.get(target)).toBeUndefined();
    other.set(target, 'b');
    expect([one.get(target), other.get(target)]).toEqual(['a', 'b']);
  });

  it('shows it to nobody: not in keys, copies, JSON, logs, nor through a proxy', () => {
    const secrets = privateSlot<string>();
    const target: Record<string, unknown> = { id: 1 };
    secrets.set(target, 'hidden');
    expect(Reflect.ownKeys(target)).toEqual(['id']);
    expect(JSON.stringify(target)).not.toContain('hidden');
    expect(inspect(target, { depth: 9, showHidden: true })).not.toContain('hidden');
    expect(secrets.get({ ...target })).toBeUndefined();
    expect(secrets.get(structuredClone(target))).toBeUndefined();
    expect(secrets.get(new Proxy(target, {}))).toBeUndefined();
  });
});
