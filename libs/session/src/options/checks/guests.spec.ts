import { SessionConfigurationError } from '../../model/session-error.js';
import type { SessionModuleOptions } from '../options.js';
import { checkOptions } from './options-check.js';

describe('the option guests', () => {
  it('has no guests unless told, and shorter lives for them than for users', () => {
    expect(checkOptions({})).not.toHaveProperty('guests');
    expect(checkOptions({ guests: false })).not.toHaveProperty('guests');
    const guests = {
      lifetime: { inactivityTimeoutMs: 86_400_000, absoluteTimeoutMs: 7 * 86_400_000 },
      perIp: { name: 'guests', quota: 60, windowMs: 3_600_000, burst: 60 },
    };
    expect(checkOptions({ guests: true })).toMatchObject({ guests });
    expect(checkOptions({ guests: {} })).toMatchObject({ guests });
    expect(checkOptions({ guests: { lifetime: 'aal3', perIp: false } }).guests).toEqual({
      lifetime: { inactivityTimeoutMs: 900_000, absoluteTimeoutMs: 43_200_000 },
    });
  });

  test.each<[option: string, options: unknown]>([
    ['guests', { guests: 'yes' }],
    ['guests', { guests: undefined }],
    ['guests.ttl', { guests: { ttl: '1h' } }],
    ['guests.lifetime', { guests: { lifetime: '1h' } }],
    ['guests.lifetime.idle', { guests: { lifetime: { idle: '1h' } } }],
    ['guests.lifetime', { guests: { lifetime: undefined } }],
    ['guests.perIp', { guests: { perIp: true } }],
    ['guests.perIp', { guests: { perIp: { quota: 0, window: '1h' } } }],
    ['guests.perIp', { guests: { perIp: undefined } }],
    ['guests.perIp.by', { guests: { perIp: { quota: 5, window: '1h', by: 'ip' } } }],
  ])('a wrong %s stops the app with its name: %j', (option, options) => {
    const check = () => checkOptions(options as SessionModuleOptions, 'test');
    expect(check).toThrow(SessionConfigurationError);
    expect(check).toThrow(expect.objectContaining({ option }));
  });
});
