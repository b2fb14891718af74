import type { Clock } from '../../basics/clock.js';
import type {
  IpListChange,
  IpListNews,
  IpListOutcome,
  IpListRepository,
} from '../contract/ip-list-repository.js';
import type { StoredIpList } from '../contract/ip-list-repository.js';
import type { MemoryEventChannel } from './nodes.js';

/** Named lists of one process. */
export class MemoryIpLists implements IpListRepository {
  private readonly lists = new Map<string, StoredIpList>();

  constructor(
    private readonly clock: Clock,
    private readonly events: MemoryEventChannel,
  ) {}

  async read(
    lists: readonly { readonly name: string; readonly version?: number | undefined }[],
  ): Promise<IpListNews[]> {
    return lists.map(({ name, version }) => {
      const list = this.lists.get(name);
      if (!list) return 'absent';
      return list.version === version ? 'unchanged' : list;
    });
  }

  async write({ name, cidrs, ifVersion }: IpListChange): Promise<IpListOutcome> {
    const present = this.lists.get(name)?.version;
    if (ifVersion !== 'any' && ifVersion !== (present ?? 'absent')) return { outcome: 'version_conflict' };
    // In microseconds, as in Redis.
    const version = Math.max(Math.floor(this.clock.now() * 1_000), (present ?? 0) + 1);
    this.lists.set(name, { cidrs: [...cidrs], version });
    this.events.announce({ name: 'ip_list.changed', list: name, version });
    return { outcome: 'changed', version };
  }

  clear(): void {
    this.lists.clear();
  }
}
