import type { UserQuota } from '../../model/quota.js';
import { FixedArguments } from '../../redis/calls/call-body.js';
import { emissionIntervalUs } from '../../rules/gcra.js';
import type { NewFamily, RepositorySettings, RequestDemand } from '../contract/session-repository.js';

/** `roleLifetimes` as the scripts take them: `admin 900000 43200000 …`. */
export function roleLifetimesArgument({ roleLifetimes }: Pick<RepositorySettings, 'roleLifetimes'>): string {
  return [...roleLifetimes]
    .map(([role, lifetime]) => `${role} ${lifetime.inactivityTimeoutMs} ${lifetime.absoluteTimeoutMs}`)
    .join(' ');
}

export function familyArguments(family: NewFamily | undefined) {
  return {
    familyHash: family?.familyHash ?? '',
    refreshHash: family?.refreshHash ?? '',
    accessTokenTtlMs: family?.accessTokenTtlMs ?? '',
  };
}

/** lua/include/user-quota.lua has the form. */
export function quotaField(name: string, sessionId?: string): string {
  return sessionId === undefined ? `q:${name}` : `q:${name}/${sessionId}`;
}

const quotaArguments = new WeakMap<readonly UserQuota[], FixedArguments>();

/** A handler's quotas are the same object in every request. */
export function quotaArgumentsOf(quotas: readonly UserQuota[]): FixedArguments | undefined {
  if (quotas.length === 0) return undefined;
  let args = quotaArguments.get(quotas);
  if (!args) {
    const fields = quotas.map(({ name, by }) => quotaField(name, by === 'session' ? '' : undefined));
    const policies = quotas.flatMap((quota) => [emissionIntervalUs(quota), quota.burst]);
    quotaArguments.set(quotas, (args = new FixedArguments([...fields, ...policies])));
  }
  return args;
}

const roleGroupsArguments = new WeakMap<RequestDemand['touchIfRoles'], string>();

/** Each group with a bar before it. A handler's groups are the same object in every request. */
export function roleGroupsArgument(groups: RequestDemand['touchIfRoles']): string {
  if (groups.length === 0) return '';
  let text = roleGroupsArguments.get(groups);
  if (text === undefined) {
    text = `|${groups.map((group) => group.join(' ')).join('|')}`;
    roleGroupsArguments.set(groups, text);
  }
  return text;
}
