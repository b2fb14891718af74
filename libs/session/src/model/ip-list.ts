/** Ranges of IP addresses, parsed. @publicApi */
export interface IpRangeSet {
  /** As they were given: CIDRs or single addresses. */
  readonly cidrs: readonly string[];
  /** @param ip in canonical form */
  has(ip: string): boolean;
}

/** A list of ranges: the ranges themselves, or the name that they are kept under. @publicApi */
export type IpListRef = IpRangeSet | string;

/** Where a request may come from. A client IP that is not known meets none of it. @publicApi */
export interface IpRequirements {
  /** Every one of these must hold the client IP. */
  readonly allow: readonly IpListRef[];
  /** None of these may hold it. */
  readonly deny: readonly IpListRef[];
}

/** What can be said of a client IP before it is known whose session it comes with. */
export interface IpVerdict {
  /** In canonical form; absent when it is not to be known. */
  readonly clientIp: string | undefined;
  /** The roles that must not come from there; `'all'`: nobody may. */
  readonly refusedRoles: readonly string[] | 'all';
}
