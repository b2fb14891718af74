import { packLease } from '../../redis/records/lease-record.js';
import type { IpListScripts } from '../../redis/scripts/ip-lists.js';
import type {
  IpListChange,
  IpListNews,
  IpListOutcome,
  KnownIpList,
  LeasedIpLists,
  LeasedNews,
} from '../contract/ip-list-repository.js';
import type { AskedLease } from '../contract/lease.js';
import type { ActMemory, RememberedList } from './recovery/act-memory.js';

/** Named lists in Redis, all on one slot: however many a request depends upon, one script reads them. */
export class RedisIpLists implements LeasedIpLists {
  constructor(
    private readonly scripts: IpListScripts,
    private readonly acts: Pick<ActMemory, 'listChanged'>,
  ) {}

  async read(lists: readonly KnownIpList[]): Promise<IpListNews[]> {
    return (await this.readLeased(lists)).news;
  }

  async readLeased(lists: readonly KnownIpList[], lease?: AskedLease): Promise<LeasedNews> {
    const replies = await this.scripts.read(lists, lease ? packLease(lease) : '');
    const news = lists.map((_, i): IpListNews => {
      const reply = replies[i];
      if (reply === 1) return 'unchanged';
      if (!Array.isArray(reply)) return 'absent';
      const [version, ranges] = reply;
      return { version: Number(version), cidrs: ranges.length === 0 ? [] : String(ranges).split(' ') };
    });
    return { news, isLeased: replies[lists.length] === 1 };
  }

  async write({ name, cidrs, ifVersion }: IpListChange): Promise<IpListOutcome> {
    const ranges = cidrs.join(' ');
    const version = await this.scripts.write(name, {
      ranges,
      ifVersion: ifVersion === 'any' ? '' : ifVersion,
    });
    if (version === 0) return { outcome: 'version_conflict' };
    this.acts.listChanged({ name, version, ranges });
    return { outcome: 'changed', version };
  }

  /** Gives a list that is older what is known of it. */
  async restore({ name, ...list }: RememberedList): Promise<void> {
    await this.scripts.restore(name, list);
  }
}
