import fc from 'fast-check';
import { Command } from 'ioredis';
import { encodeCall } from './script-call.js';
import { SCRIPTS } from './script.js';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '\r\n', '\u00e9', '\u{1f511}', '\ud800'),
);
const argument = fc.oneof(
  text,
  fc.integer(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);

describe('encodeCall', () => {
  it.each(['evalsha', 'eval'] as const)('writes %s byte for byte as ioredis does', (command) => {
    const script = SCRIPTS.authenticate;
    const head = command === 'evalsha' ? script.sha1 : script.lua;
    fc.assert(
      fc.property(fc.array(text), fc.array(argument), (keys, args) => {
        const expected = new Command(command, [head, keys.length, ...keys, ...args]).toWritable({});
        expect(Buffer.from(encodeCall(command, script, { keys, args }), 'latin1')).toEqual(
          Buffer.from(expected as string),
        );
      }),
    );
  });
});
