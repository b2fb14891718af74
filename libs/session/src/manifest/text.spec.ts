import { durationText, toPlain } from './text.js';

describe('durationText', () => {
  it.each([
    [0, '0ms'],
    [1_500, '1500ms'],
    [90_000, '90s'],
    [600_000, '10m'],
    [5_400_000, '90m'],
    [7_200_000, '2h'],
    [86_400_000, '1d'],
  ])('writes %i ms as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});

describe('toPlain', () => {
  it('sorts names, leaves out what is undefined and tells functions by their name', () => {
    const byTenant = () => 'acme';
    const plain = toPlain({ name: 'posts', burst: undefined, by: byTenant, also: [() => '', null, true] });
    expect(JSON.stringify(plain)).toBe(
      '{"also":["function (anonymous)",null,true],"by":"function byTenant","name":"posts"}',
    );
  });
});
