import { createSecretKey, randomBytes } from 'node:crypto';
import { DataSealer, type SealKey } from './data-sealer.js';

const sealKey = (id: string): SealKey => ({ id, key: createSecretKey(randomBytes(32)) });
const [OLD, NEW] = [sealKey('2025'), sealKey('2026-01')];
const HERE = { userRef: 'u'.repeat(22), sessionId: 's'.repeat(16) };
const TEXT = '{"card":"4111 1111 1111 1111"}';

describe('DataSealer', () => {
  it('without keys leaves the text as it is', () => {
    const sealer = new DataSealer([], false);
    expect(sealer.seal(TEXT, HERE).toString()).toBe(TEXT);
    expect(sealer.open(Buffer.from(TEXT), HERE)).toEqual({ text: TEXT, isOutdated: false });
  });

  it('opens what it sealed, of which nothing can be read', () => {
    const sealer = new DataSealer([NEW, OLD], false);
    const sealed = sealer.seal(TEXT, HERE);
    expect(sealed.toString('latin1')).toMatch(/^s1:2026-01:/);
    expect(sealed.includes('card')).toBe(false);
    expect(sealed).toHaveLength('s1:2026-01:'.length + 12 + TEXT.length + 16);
    expect(sealer.open(sealed, HERE)).toEqual({ text: TEXT, isOutdated: false });
  });

  it('never seals the same text to the same bytes', () => {
    const sealer = new DataSealer([NEW], false);
    const ivs = Array.from({ length: 1_000 }, () => sealer.seal('{}', HERE).toString('hex'));
    expect(new Set(ivs).size).toBe(1_000);
  });

  it('opens what an older key sealed, and says that it is outdated', () => {
    const sealed = new DataSealer([OLD], false).seal(TEXT, HERE);
    expect(new DataSealer([NEW, OLD], false).open(sealed, HERE)).toEqual({ text: TEXT, isOutdated: true });
  });

  it.each([
    ['another session', { ...HERE, sessionId: 't'.repeat(16) }],
    ['another user', { ...HERE, userRef: 'v'.repeat(22) }],
  ])('does not open it in the place of %s', (_name, place) => {
    const sealer = new DataSealer([NEW], false);
    expect(() => sealer.open(sealer.seal(TEXT, HERE), place)).toThrow('does not open');
  });

  it('does not open it with one bit changed anywhere, nor cut off anywhere', () => {
    const sealer = new DataSealer([NEW, OLD], false);
    const sealed = sealer.seal(TEXT, HERE);
    const unopened = /does not open|unknown format|cut off|not sealed|not among/;
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
      expect(() => sealer.open(changed, HERE)).toThrow(unopened);
      expect(() => sealer.open(sealed.subarray(0, i), HERE)).toThrow(unopened);
    }
  });

  it("does not open it with another key's bytes or under another key's name", () => {
    const sealed = new DataSealer([NEW], false).seal(TEXT, HERE);
    expect(() => new DataSealer([{ ...OLD, id: NEW.id }], false).open(sealed, HERE)).toThrow('does not open');
    const renamed = Buffer.from(sealed.toString('latin1').replace('2026-01', '2026-02'), 'latin1');
    const both = new DataSealer([NEW, { ...NEW, id: '2026-02' }], false);
    expect(() => both.open(renamed, HERE)).toThrow('does not open');
  });

  it('names the key that it lacks, and shows none that it has', () => {
    const sealed = new DataSealer([OLD], false).seal(TEXT, HERE);
    const sealer = new DataSealer([NEW], true);
    expect(() => sealer.open(sealed, HERE)).toThrow("the key '2025', which is not among sessionData.keys");
    expect(() => new DataSealer([], false).open(sealed, HERE)).toThrow("the key '2025'");
    expect(JSON.stringify(sealer)).not.toContain(NEW.key.export().toString('base64'));
  });

  it('takes plain text for what it is only where it may', () => {
    const plain = Buffer.from(TEXT);
    expect(() => new DataSealer([NEW], false).open(plain, HERE)).toThrow('is not sealed');
    expect(new DataSealer([NEW], true).open(plain, HERE)).toEqual({ text: TEXT, isOutdated: true });
  });

  it.each(['', 's1:', 's2:2026-01:', '[]', 'text', '\0'])('does not open %p', (payload) => {
    expect(() => new DataSealer([NEW], true).open(Buffer.from(payload), HERE)).toThrow('unknown format');
  });
});
