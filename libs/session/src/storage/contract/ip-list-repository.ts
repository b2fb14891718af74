import type { AskedLease } from './lease.js';

/** A named list of ranges as it is stored. */
export interface StoredIpList {
  /** As they were given. In a list that was damaged, some may be no ranges. */
  readonly cidrs: readonly string[];
  /** Grows with every change of this list; a list that was lost and made again goes on from a higher one. */
  readonly version: number;
}

/** A list to be stored in the place of what is there under its name. */
export interface IpListChange {
  readonly name: string;
  /** Valid CIDRs or addresses. */
  readonly cidrs: readonly string[];
  /** What must be there for the change to happen: this version; `'absent'`: no list; `'any'`: whatever it is. */
  readonly ifVersion: number | 'absent' | 'any';
}

export type IpListOutcome =
  { readonly outcome: 'changed'; readonly version: number } | { readonly outcome: 'version_conflict' };

/** A list, and which version of it the caller has a copy of, if any. */
export interface KnownIpList {
  readonly name: string;
  readonly version?: number | undefined;
}

/** What there is to be known of a list by somebody who has a copy of one of its versions. */
export type IpListNews = StoredIpList | 'absent' | 'unchanged';

/**
 * Named lists of IP ranges, for the whole app. Both methods are atomic over all lists. Rejections are `SessionError`s, as
 * those of `SessionRepository`.
 */
export interface IpListRepository {
  /** What has become of each of these lists since the version that the caller has, if any. In the order given. */
  read(lists: readonly KnownIpList[]): Promise<IpListNews[]>;
  /** Announces `ip_list.changed` in the same atomic operation. */
  write(change: IpListChange): Promise<IpListOutcome>;
}

/** What a near cache gets to know. */
export interface LeasedNews {
  readonly news: IpListNews[];
  /** Whether it may keep it of all lists that are there. */
  readonly isLeased: boolean;
}

/** Named lists that a near cache may keep. */
export interface LeasedIpLists extends IpListRepository {
  readLeased(lists: readonly KnownIpList[], lease?: AskedLease): Promise<LeasedNews>;
}
