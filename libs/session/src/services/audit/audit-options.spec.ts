import type { SessionModuleOptions } from '../../options/options.js';
import { checkOptions } from '../../options/checks/options-check.js';

describe('the option audit', () => {
  it('keeps entries for 90 days, 100,000 acts and as many routine ones, and 10,000 denials, unless it says otherwise', () => {
    expect(checkOptions({}, 'test').audit).toEqual({
      retentionMs: 90 * 86_400_000,
      maxActs: 100_000,
      maxRoutine: 100_000,
      maxDenials: 10_000,
      abandonedAfterMs: 60_000,
    });
    expect(checkOptions({ audit: { retention: '7d', maxDenials: 500 } }, 'test').audit).toMatchObject({
      retentionMs: 7 * 86_400_000,
      maxDenials: 500,
    });
  });

  it.each([
    ['audit', 'on'],
    ['audit.retention', { retention: '1m' }],
    ['audit.retention', { retention: 'long' }],
    ['audit.retention', { retention: Number.MAX_SAFE_INTEGER }],
    ['audit.maxDenials', { maxDenials: 0 }],
    ['audit.maxDenials', { maxDenials: 1e9 }],
    ['audit.maxActs', { maxActs: 999 }],
    ['audit.maxRoutine', { maxRoutine: 1e8 }],
    ['audit.maxDenial', { maxDenial: 500 }],
  ])('refuses %s: %j', (option, value) => {
    const check = () => checkOptions({ audit: value } as SessionModuleOptions, 'test');
    expect(check).toThrow(expect.objectContaining({ option }) as Error);
  });
});
