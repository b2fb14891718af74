import type { IpListRef } from '../model/ip-list.js';
import { SessionConfigurationError } from '../model/session-error.js';
import { IpRanges, normaliseIp } from '../platform/ip-address.js';
import { NAME_PATTERN } from '../policy/roles.js';

/**
 * A list as decorators and options take it: CIDRs, parsed here once, or a name.
 * @param where the decorator or option, for the error
 * @throws SessionConfigurationError naming the entry that is no range, or what is no name
 */
export function ipListRef(where: string, list: string | readonly string[]): IpListRef {
  if (typeof list === 'string') {
    if (NAME_PATTERN.test(list) && normaliseIp(list) === undefined) return list;
    throw new SessionConfigurationError(
      where,
      `takes the name of a list (1–64 letters, digits and . _ : -) or an array of CIDRs, not '${list}'`,
    );
  }
  if (!Array.isArray(list)) {
    throw new SessionConfigurationError(where, 'takes the name of a list, or an array of CIDRs');
  }
  try {
    return new IpRanges(list);
  } catch (error) {
    throw new SessionConfigurationError(where, `cannot be used: ${(error as Error).message}`);
  }
}
