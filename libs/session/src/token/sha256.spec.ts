import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { sha256 } from './sha256.js';

it('is SHA-256, for whatever text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(sha256(text)).toEqual(createHash('sha256').update(text).digest());
    }),
  );
});
