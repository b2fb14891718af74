import { memo } from './memo.js';

it('answers as the function does, asks it once for what comes again, and never remembers more than a thousand', () => {
  const compute = jest.fn((text: string) => (text === '' ? '' : `${text}!`));
  const remembered = memo(compute);
  for (const text of ['a', '', 'a', '', 'b']) expect(remembered(text)).toBe(text === '' ? '' : `${text}!`);
  expect(compute).toHaveBeenCalledTimes(3);

  for (let i = 0; i < 998; i++) remembered(`text ${i}`); // with these, it is full and lets go
  compute.mockClear();
  expect(remembered('a')).toBe('a!');
  expect(compute).toHaveBeenCalledTimes(1);
});
