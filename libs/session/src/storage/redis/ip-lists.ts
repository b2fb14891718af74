import type { IpListScripts } from '../../redis/scripts/ip-lists.js';
import type {
  IpListChange,
  IpListNews,
  IpListOutcome,
  IpListRepository,
} from '../contract/ip-list-repository.js';

/** Named lists in Redis, all on one slot: however many a request depends upon, one script reads them. */
export class RedisIpLists implements IpListRepository {
  constructor(private readonly scripts: IpListScripts) {}

  async read(
    lists: readonly { readonly name: string; readonly version?: number | undefined }[],
  ): Promise<IpListNews[]> {
    const replies = await this.scripts.read(lists);
    return lists.map((_, i): IpListNews => {
      const reply = replies[i];
      if (reply === 1) return 'unchanged';
      if (!Array.isArray(reply)) return 'absent';
      const [version, ranges] = reply;
      return { version: Number(version), cidrs: ranges.length === 0 ? [] : String(ranges).split(' ') };
    });
  }

  async write({ name, cidrs, ifVersion }: IpListChange): Promise<IpListOutcome> {
    const version = await this.scripts.write(name, {
      ranges: cidrs.join(' '),
      ifVersion: ifVersion === 'any' ? '' : ifVersion,
    });
    return version === 0 ? { outcome: 'version_conflict' } : { outcome: 'changed', version };
  }
}
