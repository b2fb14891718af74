import { randomBytes } from 'node:crypto';
import type { SessionEvent } from '../../model/session-event.js';
import { HOLDER_BYTES } from '../../redis/records/lease-record.js';
import type {
  IpListChange,
  IpListNews,
  IpListOutcome,
  IpListRepository,
  KnownIpList,
  LeasedIpLists,
} from '../contract/ip-list-repository.js';
import { elapsedMs, instant, type Instant } from './instant.js';
import { type LeaseCalls, LeaseClient } from './lease-client.js';
import type { LeaseTerm } from './lease-term.js';
import { USED_SHARE } from './near-cache.js';

interface Fill {
  readonly names: readonly string[];
  isOutdated: boolean;
}

const LIST = 'list:';
const UNCHANGED: IpListNews = 'unchanged';

/** Named lists, of which it is known from memory that they are unchanged, under leases that whoever changes one waits for. */
export class NearIpLists implements IpListRepository {
  private readonly holder = randomBytes(HOLDER_BYTES).toString('latin1');
  private readonly leases: LeaseClient;
  private readonly versions = new Map<string, { readonly version: number; readonly sentAt: Instant }>();
  private readonly filling = new Set<Fill>();
  private fills = 0;

  constructor(
    private readonly inner: LeasedIpLists,
    calls: LeaseCalls,
    private readonly term: LeaseTerm,
    private readonly near: { readonly leaseMs: number; readonly mayKeep: () => boolean },
  ) {
    this.leases = new LeaseClient(
      this.holder,
      term,
      { invalidate: (subject) => this.invalidate(subject) },
      calls,
    );
  }

  read(lists: readonly KnownIpList[]): Promise<IpListNews[]> {
    if (this.areUnchanged(lists)) return Promise.resolve(lists.map(() => UNCHANGED));
    return this.near.mayKeep() ? this.fill(lists) : this.inner.read(lists);
  }

  write(change: IpListChange): Promise<IpListOutcome> {
    return this.leases.act(
      () => this.inner.write(change),
      ({ outcome }) => (outcome === 'changed' ? LIST + change.name : undefined),
    );
  }

  onEvent(event: SessionEvent): void {
    if (event.name === 'ip_list.changed') this.invalidate(LIST + event.list);
  }

  onRecall(subject: string, holders: readonly string[]): void {
    if (holders.includes(this.holder)) this.leases.giveBack(subject);
  }

  private areUnchanged(lists: readonly KnownIpList[]): boolean {
    const now = instant();
    return lists.every(({ name, version }) => {
      const kept = this.versions.get(name);
      if (!kept || kept.version !== version) return false;
      return elapsedMs(kept.sentAt, now) < USED_SHARE * this.near.leaseMs;
    });
  }

  private async fill(lists: readonly KnownIpList[]): Promise<IpListNews[]> {
    const fill: Fill = { names: lists.map(({ name }) => name), isOutdated: false };
    const sentAt = instant();
    this.filling.add(fill);
    try {
      const lease = { holder: this.holder, fill: (this.fills += 1), termMs: this.near.leaseMs };
      const { news, isLeased } = await this.inner.readLeased(lists, lease);
      // It may be older than what was changed meanwhile.
      if (fill.isOutdated) return await this.inner.read(lists);
      for (const [i, { name, version: known }] of lists.entries()) {
        const one = news[i];
        const version = typeof one === 'object' ? one.version : one === UNCHANGED ? known : undefined;
        if (isLeased && version !== undefined) this.versions.set(name, { version, sentAt });
        else this.versions.delete(name);
      }
      return news;
    } finally {
      this.filling.delete(fill);
    }
  }

  private invalidate(subject: string): number {
    const name = subject.slice(LIST.length);
    this.versions.delete(name);
    for (const fill of this.filling) if (fill.names.includes(name)) fill.isOutdated = true;
    return this.fills;
  }
}
