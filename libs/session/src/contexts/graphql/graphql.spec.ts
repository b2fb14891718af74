import { fieldOf } from './graphql.js';

describe('what tells a call from others of its operation', () => {
  const operation = { operation: 'query' };

  it('is what servers say of the field', () => {
    const info = { fieldName: 'me', operation };
    expect(fieldOf([{}, {}, {}, info])).toBe(info);
  });

  it('is one thing for each reference of a federated query, and another one in the next query', () => {
    const [one, other] = [{ id: '1' }, { id: '2' }];
    const [info, next] = [0, 1].map(() => ({ fieldName: '_entities', operation }));
    const unit = fieldOf([one, {}, info]);
    expect(fieldOf([one, {}, info])).toBe(unit);
    expect(fieldOf([one, {}, {}, info])).toBe(unit);
    expect(fieldOf([other, {}, info])).not.toBe(unit);
    expect(fieldOf([one, {}, next])).not.toBe(unit);
    expect(unit).not.toBe(info);
  });
});
