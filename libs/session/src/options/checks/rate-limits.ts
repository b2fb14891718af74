import { quotaRule, type QuotaRule } from '../../rules/quota-rule.js';
import type { QuotaPolicy } from '../../model/quota.js';
import { type QuotaOptions, toQuotaPolicy, type RateLimitOptions } from '../../rules/quota-options.js';
import { attempt, fail, isRecord, mustBe, noOthers } from '../../rules/option-rules.js';
import type { SessionModuleOptions } from '../options.js';

const DEFAULT_FAILED_TOKENS = { quota: 600, window: '1m' } as const;

export function checkRateLimits(options: SessionModuleOptions) {
  const { rateLimits = {}, defaultRateLimits = [] } = options;
  if (!isRecord(rateLimits))
    mustBe(
      'rateLimits',
      "an object such as { uploads: { quota: 100, window: '1d', by: 'user' } }",
      rateLimits,
    );
  if (!Array.isArray(defaultRateLimits))
    mustBe('defaultRateLimits', 'a list of names of rateLimits', defaultRateLimits);
  const namedQuotas = new Map<string, QuotaRule>();
  for (const [name, quota] of Object.entries(rateLimits)) {
    const where = `rateLimits.${name}`;
    if (!isRecord(quota)) mustBe(where, 'an object', quota);
    noOthers(quota, ['quota', 'window', 'burst', 'by', 'batch'], `${where}.`);
    namedQuotas.set(
      name,
      quotaRule(where, { ...(quota as Omit<RateLimitOptions<QuotaRule['by']>, 'name'>), name }),
    );
  }
  const defaultQuotas = (defaultRateLimits as readonly string[]).map(
    (name) =>
      namedQuotas.get(name) ??
      fail(
        'defaultRateLimits',
        `names '${String(name)}', which the option rateLimits does not have: add it there`,
      ),
  );
  return { namedQuotas, defaultQuotas, ...checkFailedTokens(options.failedTokens) };
}

function checkFailedTokens(quota: SessionModuleOptions['failedTokens'] = DEFAULT_FAILED_TOKENS): {
  failedTokens?: QuotaPolicy;
} {
  const failedTokens = checkQuota('failedTokens', quota, 'failed-tokens');
  return failedTokens ? { failedTokens } : {};
}

/** @returns `undefined` for `false` */
export function checkQuota(
  option: string,
  quota: Omit<QuotaOptions, 'name'> | false,
  name: string,
): QuotaPolicy | undefined {
  if (quota === false) return undefined;
  if (!isRecord(quota)) mustBe(option, 'a quota, or false', quota);
  noOthers(quota, ['quota', 'window', 'burst'], `${option}.`);
  return attempt(option, () => toQuotaPolicy({ ...quota, name }));
}
