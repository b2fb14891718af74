import { PostCursor } from './post-cursor.js';

const seen = (...ids: number[]) => {
  const cursor = new PostCursor(10);
  const isNew = ids.map((id) => cursor.add(String(id)));
  return [cursor.id, isNew];
};

it('goes on with each post, and takes none twice', () => {
  expect(seen(11, 12, 12, 9, 13)).toEqual(['13', [true, true, false, false, true]]);
});

it('waits for a post that others have overtaken', () => {
  expect(seen(12, 13)).toEqual(['10', [true, true]]);
  expect(seen(12, 13, 11, 12)).toEqual(['13', [true, true, true, false]]);
});

it('gives up one that does not come', () => {
  const others = Array.from({ length: 101 }, (_, i) => 12 + i);
  expect(seen(...others)[0]).toBe('112');
});
