import { integer, isRecord, mustBe, noOthers } from '../../rules/option-rules.js';
import type { SessionModuleOptions } from '../options.js';
import type { StorageSettings } from '../settings.js';

type NearCacheSettings = Pick<Extract<StorageSettings, { readonly kind: 'redis' }>, 'nearCache'>;

/** @throws SessionConfigurationError */
export function checkNearCache(nearCache: SessionModuleOptions['nearCache']): NearCacheSettings {
  if (nearCache === undefined || nearCache === false) return {};
  const chosen = nearCache === true ? {} : nearCache;
  if (!isRecord(chosen)) return mustBe('nearCache', 'true, or an object', chosen);
  noOthers(chosen, ['leaseMs', 'maxEntries'], 'nearCache.');
  const { leaseMs = 2_000, maxEntries = 10_000 } = chosen;
  return {
    nearCache: {
      leaseMs: integer('nearCache.leaseMs', leaseMs, { least: 100, most: 10_000 }),
      maxEntries: integer('nearCache.maxEntries', maxEntries, { least: 0, most: 1_000_000 }),
    },
  };
}
