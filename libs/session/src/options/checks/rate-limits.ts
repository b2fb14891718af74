import { quotaRule, type QuotaRule } from '../../rules/quota-rule.js';
import type { QuotaPolicy } from '../../model/quota.js';
import { toQuotaPolicy, type RateLimitOptions } from '../../rules/quota-options.js';
import { attempt, fail, isRecord, noOthers } from '../../rules/option-rules.js';
import type { SessionModuleOptions } from '../options.js';

const DEFAULT_FAILED_TOKENS = { quota: 600, window: '1m' } as const;

export function checkRateLimits(options: SessionModuleOptions) {
  const { rateLimits = {}, defaultRateLimits = [] } = options;
  if (!isRecord(rateLimits)) fail('rateLimits', 'must be an object: name to quota');
  if (!Array.isArray(defaultRateLimits)) fail('defaultRateLimits', 'must be a list of names of rateLimits');
  const namedQuotas = new Map<string, QuotaRule>();
  for (const [name, quota] of Object.entries(rateLimits)) {
    const where = `rateLimits.${name}`;
    if (!isRecord(quota)) fail(where, 'must be an object');
    noOthers(quota, ['quota', 'window', 'burst', 'by'], `${where}.`);
    namedQuotas.set(
      name,
      quotaRule(where, { ...(quota as Omit<RateLimitOptions<QuotaRule['by']>, 'name'>), name }),
    );
  }
  const defaultQuotas = (defaultRateLimits as readonly string[]).map(
    (name) =>
      namedQuotas.get(name) ??
      fail('defaultRateLimits', `names '${String(name)}', which rateLimits does not have`),
  );
  return { namedQuotas, defaultQuotas, ...checkFailedTokens(options.failedTokens) };
}

function checkFailedTokens(quota: SessionModuleOptions['failedTokens'] = DEFAULT_FAILED_TOKENS): {
  failedTokens?: QuotaPolicy;
} {
  if (quota === false) return {};
  if (!isRecord(quota)) fail('failedTokens', 'must be a quota, or false');
  noOthers(quota, ['quota', 'window', 'burst'], 'failedTokens.');
  return { failedTokens: attempt('failedTokens', () => toQuotaPolicy({ ...quota, name: 'failed-tokens' })) };
}
