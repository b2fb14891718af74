import { describeAuthentication } from './authentication.js';
import { describeAddresses } from './addresses.js';
import { describeData } from './data.js';
import { describeEvents } from './events.js';
import { describeExport } from './export.js';
import { describeGuests } from './guests.js';
import { describeIpLists } from './ip-lists.js';
import { describeLimits } from './limits.js';
import { describeLoads } from './loads.js';
import { describeQuotas } from './quotas.js';
import { describeRefresh } from './refresh.js';
import { describeRevocation } from './revocation.js';
import { describeSessions } from './sessions.js';
import { describeSourceVersions } from './source-versions.js';
import type { MakeHarness, OpenContract } from './support.js';
import { ContractTest, RELAXED_SETTINGS } from './support.js';
import { describeTimeouts } from './timeouts.js';
import { describeUsers } from './users.js';

export type { MakeHarness, RepositoryHarness } from './support.js';

/**
 * The specification of `SessionRepository`, as tests: every repository passes all of them. Call it at the top of a test
 * file of a runner with the globals `describe`, `it`, `expect` and `afterEach`, such as Jest.
 *
 * With a real clock it takes some seconds, and expects a call to be answered within a fifth of a second.
 * @example
 * ```ts
 * describeRepositoryContract('in memory', async (settings) => openRepository(settings));
 * ```
 * @publicApi
 */
export function describeRepositoryContract(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: the contract of a session repository`, () => {
    const closing: (() => Promise<void>)[] = [];
    const open: OpenContract = async (settings = {}) => {
      const harness = await makeHarness({ ...RELAXED_SETTINGS, ...settings });
      closing.push(() => harness.close());
      return new ContractTest(harness);
    };
    afterEach(async () => {
      await Promise.all(closing.splice(0).map((close) => close()));
    });

    describeSessions(open);
    describeLimits(open);
    describeAuthentication(open);
    describeTimeouts(open);
    describeRevocation(open);
    describeRefresh(open);
    describeUsers(open);
    describeExport(open);
    describeSourceVersions(open);
    describeLoads(open);
    describeQuotas(open);
    describeData(open);
    describeGuests(open);
    describeEvents(open);
    describeAddresses(open);
    describeIpLists(open);
    it('answers a ping', async () => {
      const { repository } = await open();
      await expect(repository.ping()).resolves.toBeUndefined();
    });
  });
}
