import fc from 'fast-check';
import { Command, type Redis } from 'ioredis';
import { decodeBody, encodeBody, FixedArguments } from './call-body.js';
import { BatchWriter, ScriptCall } from './script-call.js';
import { SCRIPTS } from '../lua/script.js';

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

const owner = {
  onSettled: jest.fn(),
  sendInFull: jest.fn(),
  sendAgain: jest.fn(),
  redirect: jest.fn(),
  explained: jest.fn(),
};

describe('a call', () => {
  it.each(['evalsha', 'eval'] as const)('is written as %s byte for byte as ioredis does it', (command) => {
    const script = SCRIPTS.authenticate;
    const head = command === 'evalsha' ? script.sha1 : script.lua;
    fc.assert(
      fc.property(fc.array(text), fc.array(argument), (keys, args) => {
        const expected = new Command(command, [head, keys.length, ...keys, ...args]).toWritable({});
        const call = new ScriptCall(
          command,
          { script, body: encodeBody(keys, args) },
          (reply) => reply,
          owner,
        );
        expect(call.toWritable()).toEqual(Buffer.from(expected as string));
        const text = call.toWritable(new BatchWriter({} as Redis)) as string;
        expect(Buffer.from(text, 'latin1')).toEqual(call.toWritable());
      }),
    );
  });

  it('is settled by functions that a tracer has taken off it', async () => {
    const request = { script: SCRIPTS.authenticate, body: encodeBody([], []) };
    owner.explained.mockImplementation((error: unknown) => error);
    const [good, bad] = [0, 1].map(() => new ScriptCall('eval', request, (reply) => reply, owner));
    const { resolve } = good!;
    resolve('reply');
    const { reject } = bad!;
    reject(Object.assign(new Error('no'), { name: 'ReplyError' }));
    await expect(good!.promise).resolves.toBe('reply');
    await expect(bad!.promise).rejects.toThrow('no');
  });

  it('can be taken apart again, for clients that write it themselves', () => {
    fc.assert(
      fc.property(fc.array(text), fc.array(argument), (keys, args) => {
        const fixed = new FixedArguments(['1', 2, 'é']);
        const decoded = decodeBody(encodeBody(keys, [...args, fixed]));
        const bytes = [...args, '1', '2', 'é'].map((arg) =>
          Buffer.from(typeof arg === 'number' ? String(arg) : arg),
        );
        expect(decoded.args).toEqual(bytes);
        expect(decoded.keys).toEqual(keys.map((key) => Buffer.from(key).toString()));
      }),
    );
  });
});
