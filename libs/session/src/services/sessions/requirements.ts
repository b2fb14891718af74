import type { AccessRequirements } from '../../model/decision.js';
import {
  anything,
  fieldsOf,
  type Input,
  type Inputs,
  listOf,
  oneOf,
  wrong,
  yesOrNo,
} from '../../basics/inputs.js';
import type { IpListRef, IpRequirements } from '../../model/ip-list.js';
import { normaliseIp } from '../../rules/ip-address.js';
import { assertFit } from '../../rules/quota-options.js';
import type { TokenOrigin } from './token-check.js';

const name: Input<string> = (value, where) => {
  if (typeof value === 'string') return value;
  throw wrong(where, 'the name of a role', value);
};
const age: Input<number> = (value, where) => {
  if (typeof value === 'number' && value >= 0) return value;
  throw wrong(where, 'a number of milliseconds', value);
};
const ipList: Input<IpListRef> = (value, where) => {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'has' in value) return value as IpListRef;
  throw wrong(where, "a list's name or its ranges", value);
};
const IP: Inputs<IpRequirements> = { allow: listOf(ipList), deny: listOf(ipList) };

/** A live session of a user who is not blocked. */
export const NO_REQUIREMENTS: AccessRequirements = { roleGroups: [] };

const REQUIREMENTS: Inputs<AccessRequirements> = {
  roleGroups: listOf(listOf(name)),
  maxAuthenticationAgeMs: age,
  assurance: oneOf('aal1', 'aal2', 'aal3'),
  ip: (value, where) => {
    const { allow, deny } = fieldsOf(value as IpRequirements, where, IP);
    if (allow && deny) return value as IpRequirements;
    throw wrong(where, 'an object with the lists allow and deny', value);
  },
  quotas: (value, where) => {
    listOf(anything)(value, where);
    assertFit(value as NonNullable<AccessRequirements['quotas']>);
    return value as NonNullable<AccessRequirements['quotas']>;
  },
  withData: yesOrNo,
  passive: yesOrNo,
  freshState: yesOrNo,
  allowExpired: yesOrNo,
  allowGuests: yesOrNo,
};

/** Those that were looked at: apps keep theirs and ask with the same ones again. */
const checked = new WeakSet<object>();

/**
 * Requirements that are none would demand nothing.
 * @throws TypeError, RangeError naming what is wrong
 */
export function assertRequirements(requirements: AccessRequirements): void {
  if (checked.has(requirements)) return;
  const { roleGroups } = fieldsOf(requirements, 'requirements', REQUIREMENTS);
  if (!roleGroups) throw wrong('requirements.roleGroups', 'a list of lists of roles', roleGroups);
  checked.add(requirements);
}

const ORIGIN: Inputs<TokenOrigin> = {
  clientIp: (value, where) => {
    if (typeof value === 'string') return value;
    throw wrong(where, 'an IP address', value);
  },
};

/** Where a token came from. A text that is no address is not known, and so is in no list. */
export function checkedOrigin(origin: TokenOrigin): TokenOrigin {
  return { clientIp: normaliseIp(fieldsOf(origin, 'origin', ORIGIN).clientIp) };
}
