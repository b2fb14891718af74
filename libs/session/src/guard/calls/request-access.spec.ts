import { bothOf } from './request-access.js';

describe('what two checks of one request demand together', () => {
  it.each(['allowExpired', 'allowGuests', 'passive'] as const)('is %s only where both say so', (leniency) => {
    const strict = { roleGroups: [] };
    const lenient = { roleGroups: [], [leniency]: true };
    const others = { roleGroups: [['admin']], [leniency]: true };
    expect(bothOf(lenient, strict)).not.toHaveProperty(leniency);
    expect(bothOf(strict, lenient)).not.toHaveProperty(leniency);
    expect(bothOf(lenient, others)).toEqual({ roleGroups: [['admin']], [leniency]: true });
  });
});
