import { Inject, Injectable } from '@nestjs/common';
import type { IpRangeSet, IpRequirements, IpVerdict } from '../../model/ip-list.js';
import { denialError } from '../../model/session-error.js';
import { IpRanges } from '../../rules/ip-address.js';
import { isSameVerdict, judgeIp } from '../../rules/ip-ranges.js';
import type { IpListNews } from '../../storage/contract/ip-list-repository.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import { SESSION_REPOSITORY, SESSION_SETTINGS } from '../../options/injection-keys.js';
import type { SessionSettings } from '../../options/settings.js';

/** This node's copy of a named list. */
interface Copy {
  readonly version: number;
  /** Absent when what is stored is damaged. */
  readonly ranges: IpRangeSet | undefined;
}

const NO_NAMES: readonly string[] = [];

/**
 * Judges where requests come from. Each node keeps parsed copies of named lists, and each request asks whether those that it
 * depends upon are still of the same version, in the same tick as everything else: a copy alone decides nothing.
 */
@Injectable()
export class IpPolicy {
  private readonly copies = new Map<string, Copy>();
  private readonly names = new WeakMap<IpRequirements, readonly string[]>();
  private readonly roles: SessionSettings['ipPolicy']['roles'];
  private readonly namesOfRoles: readonly string[];

  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    @Inject(SESSION_SETTINGS) { ipPolicy }: Pick<SessionSettings, 'ipPolicy'>,
  ) {
    this.roles = ipPolicy.roles;
    this.namesOfRoles = namesIn(this.roles.map(([, list]) => list));
  }

  /** The named lists that a session's request with these requirements depends upon. */
  namesOf(requirements: IpRequirements | undefined): readonly string[] {
    if (!requirements) return this.namesOfRoles;
    const known = this.names.get(requirements);
    if (known) return known;
    const names = [...new Set([...namesOfHandler(requirements), ...this.namesOfRoles])];
    this.names.set(requirements, names);
    return names;
  }

  /** By this node's copies: right unless a list was changed meanwhile. */
  judge(
    requirements: IpRequirements | undefined,
    clientIp: string | undefined,
    lists: ReadonlyMap<string, Copy> = this.copies,
  ): IpVerdict {
    if (!requirements && this.roles.length === 0) return { clientIp, refusedRoles: NO_NAMES };
    return judgeIp({ requirements, roles: this.roles }, clientIp, (name) => lists.get(name)?.ranges);
  }

  /**
   * Asks what has become of the lists. `undefined`: no named list is concerned, and the verdict stands.
   * @returns the verdict that holds: this very one, unless a changed list makes it another
   */
  confirm(requirements: IpRequirements | undefined, verdict: IpVerdict): Promise<IpVerdict> | undefined {
    const names = this.namesOf(requirements);
    if (names.length === 0) return undefined;
    return this.read(names).then((lists) => {
      const now = this.judge(requirements, verdict.clientIp, lists);
      return isSameVerdict(now, verdict) ? verdict : now;
    });
  }

  /**
   * The lists of a handler for somebody who comes without a session.
   * @throws SessionError `ip_not_allowed`
   */
  async assertAdmits(requirements: IpRequirements | undefined, clientIp: string | undefined): Promise<void> {
    if (!requirements) return;
    const names = namesOfHandler(requirements);
    const lists = names.length > 0 ? await this.read(names) : this.copies;
    if (this.judge(requirements, clientIp, lists).refusedRoles === 'all') {
      throw denialError({ reason: 'ip_not_allowed' });
    }
  }

  /**
   * The lists as they are. Whoever asks goes by the answer, and not by the copies, which an answer to somebody else may
   * have replaced meanwhile.
   */
  private async read(names: readonly string[]): Promise<ReadonlyMap<string, Copy>> {
    const copies = names.map((name) => this.copies.get(name));
    const news = await this.repository.ipLists.read(
      names.map((name, i) => ({ name, version: copies[i]?.version })),
    );
    const lists = new Map<string, Copy>();
    for (const [i, name] of names.entries()) {
      const list = copyOf(news[i], copies[i]);
      if (list) lists.set(name, list);
      if (list) this.copies.set(name, list);
      else this.copies.delete(name);
    }
    return lists;
  }
}

function namesOfHandler({ allow, deny }: IpRequirements): readonly string[] {
  return namesIn([...allow, ...deny]);
}

function namesIn(lists: readonly unknown[]): readonly string[] {
  const names = lists.filter((list) => typeof list === 'string');
  return names.length === 0 ? NO_NAMES : [...new Set(names)];
}

function copyOf(list: IpListNews | undefined, copy: Copy | undefined): Copy | undefined {
  if (list === 'unchanged') return copy;
  return typeof list === 'object' ? { version: list.version, ranges: parsed(list.cidrs) } : undefined;
}

function parsed(cidrs: readonly string[]): IpRangeSet | undefined {
  try {
    return new IpRanges(cidrs);
  } catch {
    return undefined;
  }
}
