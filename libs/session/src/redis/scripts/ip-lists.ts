import type { RedisConnection } from '../calls/connection.js';
import type { RedisKeys } from '../records/keys.js';
import { SCRIPTS } from '../lua/script.js';

type IpListReply = 0 | 1 | readonly [version: Buffer, ranges: Buffer];

/** One typed function for each script about named lists of IP ranges. */
export class IpListScripts {
  constructor(
    private readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
  ) {}

  /**
   * 0: there is none; 1: it is of the version that was given. Then 1 if the lease that was asked for is granted.
   * @param lease packed; empty: none is asked for
   */
  async read(
    lists: readonly { readonly name: string; readonly version?: number | undefined }[],
    lease: Buffer | '',
  ): Promise<readonly IpListReply[]> {
    const keys = lists.map(({ name }) => this.keys.ofIpList(name));
    const versions = lists.map(({ version }) => version ?? '');
    return (await this.connection.run(SCRIPTS.readIpLists, keys, [lease, ...versions])) as IpListReply[];
  }

  /** @returns the new version, or 0 when the list was not of the one that was expected */
  async write(
    name: string,
    { ranges, ifVersion }: { readonly ranges: string; readonly ifVersion: number | 'absent' | '' },
  ): Promise<number> {
    const args = [name, ranges, ifVersion, this.keys.events];
    return (await this.connection.run(SCRIPTS.writeIpList, [this.keys.ofIpList(name)], args)) as number;
  }

  /** Ahead of other calls. */
  restore(name: string, { version, ranges }: { readonly version: number; readonly ranges: string }) {
    const args = [name, version, ranges, this.keys.events];
    return this.connection.runAhead(SCRIPTS.restoreIpList, [this.keys.ofIpList(name)], args);
  }
}
