import { Inject, Injectable } from '@nestjs/common';
import { confirmationsOf } from '../events/confirmations.js';
import type { IpRangeSet } from '../../model/ip-list.js';
import type { RevocationReceipt } from '../../model/revocation-receipt.js';
import { anything, fieldsOf, type Input, type Inputs, version } from '../../basics/inputs.js';
import { SessionError } from '../../model/session-error.js';
import { normaliseIp, parseIpList } from '../../rules/ip-address.js';
import { NAME_PATTERN } from '../../rules/roles.js';
import { actOnIpList } from '../../storage/contract/node-registry.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import { SESSION_REPOSITORY, SESSION_SETTINGS } from '../../options/injection-keys.js';
import type { SessionSettings } from '../../options/settings.js';
import { watchAct } from '../../telemetry/tell.js';

const MAX_RANGES = 1_000;

/** A named list of IP ranges. @publicApi */
export interface IpList {
  readonly name: string;
  /** CIDRs or single addresses, as they were given. */
  readonly cidrs: readonly string[];
  /** Grows with every change of the list. */
  readonly version: number;
}

/** Options of `IpAllowlists.set()`. @publicApi */
export interface IpListOptions {
  /**
   * Change only a list of this version, or a missing one (`'absent'`); otherwise `version_conflict`.
   * @defaultValue any version
   */
  readonly ifVersion?: number | 'absent';
  /**
   * Client IP that the list must hold after the change, such as the caller's own; otherwise `would_lock_out`. A present
   * `undefined` is an unknown address: `would_lock_out`.
   * @defaultValue no such check
   */
  readonly keeps?: string | undefined;
}

/** What a change of a list came to, given when it holds on every node. @publicApi */
export interface IpListReceipt
  extends IpList, Pick<RevocationReceipt, 'connectionsClosed' | 'nodes' | 'ms'> {}

const versionOrAbsent: Input<number | 'absent'> = (value, name) =>
  value === 'absent' ? value : version(value, name);
const SET: Inputs<IpListOptions> = { ifVersion: versionOrAbsent, keeps: anything };

/**
 * The lists that `@IpAllowlist('name')` and `@IpDenylist('name')` and the option `ipPolicy` name. Every method rejects
 * with `SessionError`; `session_store_unavailable` when Redis cannot answer in time, `bad_request` for what is no name.
 * @example
 * ```ts
 * const list = await ipLists.get('office');
 * await ipLists.set('office', ['203.0.113.0/24'], { ifVersion: list?.version ?? 'absent', keeps: clientIp });
 * ```
 * @publicApi
 */
@Injectable()
export class IpAllowlists {
  /** @internal */
  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    @Inject(SESSION_SETTINGS) private readonly settings: Pick<SessionSettings, 'realm'>,
  ) {}

  /** `undefined` when there is no such list: then it lets nobody in. */
  async get(name: string): Promise<IpList | undefined> {
    const [list] = await this.repository.ipLists.read([{ name: checkedName(name) }]);
    return typeof list === 'object' ? { name, ...list } : undefined;
  }

  /**
   * Puts ranges, at most 1,000, in the place of what is there. When this resolves, no node decides by the list from
   * before. The list is literal: an empty one holds no address.
   * @param cidrs CIDRs or single addresses, IPv4 and IPv6; bits of a CIDR behind its length do not count
   * @throws SessionError `bad_request` naming the entry that is none, `version_conflict`, `would_lock_out`
   */
  async set(name: string, cidrs: readonly string[], options: IpListOptions = {}): Promise<IpListReceipt> {
    const startedAt = performance.now();
    checkedName(name);
    const ranges = parseIpList(cidrs, MAX_RANGES);
    const { ifVersion = 'any' } = fieldsOf(options, 'options', SET);
    if ('keeps' in options && !holds(ranges, options.keeps)) throw new SessionError('would_lock_out');
    return watchAct({ realm: this.settings.realm, act: 'set_ip_list' }, async () => {
      const written = await this.repository.ipLists.write({
        name,
        cidrs: ranges.cidrs,
        ifVersion,
      });
      if (written.outcome === 'version_conflict') {
        throw new SessionError('version_conflict');
      }
      const { version } = written;
      const confirmed = await confirmationsOf(this.repository.nodes, actOnIpList(name, version));
      return { name, cidrs: ranges.cidrs, version, ...confirmed, ms: performance.now() - startedAt };
    });
  }

  /** Whether a list, as it was read, holds an address. */
  holds(list: Pick<IpList, 'cidrs'>, ip: string | undefined): boolean {
    try {
      return holds(parseIpList(list.cidrs, MAX_RANGES), ip);
    } catch {
      return false; // damaged
    }
  }
}

/** An address that is not known is in no list. */
function holds(ranges: IpRangeSet, ip: string | undefined): boolean {
  const known = normaliseIp(ip);
  return known !== undefined && ranges.has(known);
}

function checkedName(name: string): string {
  if (typeof name === 'string' && NAME_PATTERN.test(name)) return name;
  throw new SessionError('bad_request', {
    detail: "A list's name is 1–64 letters, digits and . _ : -",
  });
}
