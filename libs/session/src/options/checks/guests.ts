import { isRecord, mustBe, noOthers } from '../../rules/option-rules.js';
import type { SessionModuleOptions } from '../options.js';
import type { GuestSettings } from '../settings.js';
import { lifetime } from './lifetimes.js';
import { checkQuota } from './rate-limits.js';

const DEFAULT_LIFETIME = { inactivityTimeout: '1d', absoluteTimeout: '7d' } as const;
const DEFAULT_PER_IP = { quota: 60, window: '1h' } as const;

/** @throws SessionConfigurationError */
export function checkGuests(guests: SessionModuleOptions['guests']): { readonly guests?: GuestSettings } {
  if (guests === undefined || guests === false) return {};
  const chosen = guests === true ? {} : guests;
  if (!isRecord(chosen)) return mustBe('guests', 'true, or an object', chosen);
  noOthers(chosen, ['lifetime', 'perIp'], 'guests.');
  const perIp = checkQuota('guests.perIp', chosen.perIp ?? DEFAULT_PER_IP, 'guests');
  return {
    guests: {
      lifetime: lifetime('guests.lifetime', chosen.lifetime ?? DEFAULT_LIFETIME),
      ...(perIp ? { perIp } : {}),
    },
  };
}
