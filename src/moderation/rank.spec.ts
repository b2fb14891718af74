import { mayActOn, rankOf } from './rank.js';

describe('the rank rule', () => {
  it.each([
    [['user'], ['user'], false],
    [['user'], ['moderator'], false],
    [['user'], ['admin'], false],
    [['moderator'], ['user'], true],
    [['moderator'], ['moderator'], false],
    [['moderator'], ['admin'], false],
    [['admin'], ['user'], true],
    [['admin'], ['moderator'], true],
    [['admin'], ['admin'], true],
    [['user', 'moderator'], ['user'], true],
    [['moderator'], ['user', 'admin'], false],
    [['moderator'], [], true],
    [[], [], false],
    [['constructor'], ['unheard-of'], false],
  ])('%j on %j: %s', (actor, target, expected) => {
    expect(mayActOn(actor, target)).toBe(expected);
  });

  it('goes by the highest role, wherever it stands', () => {
    expect(rankOf(['admin', 'user'])).toBe(rankOf(['user', 'admin']));
    expect(rankOf([])).toBe(rankOf(['user']));
  });
});
