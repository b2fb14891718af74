import { describeAuthentication } from './repository-contract-authentication.js';
import { describeAddresses } from './repository-contract-addresses.js';
import { describeData } from './repository-contract-data.js';
import { describeEvents } from './repository-contract-events.js';
import { describeIpLists } from './repository-contract-ip-lists.js';
import { describeLimits } from './repository-contract-limits.js';
import { describeLoads } from './repository-contract-loads.js';
import { describeQuotas } from './repository-contract-quotas.js';
import { describeRefresh } from './repository-contract-refresh.js';
import { describeRevocation } from './repository-contract-revocation.js';
import { describeSessions } from './repository-contract-sessions.js';
import { describeSourceVersions } from './repository-contract-source-versions.js';
import type { MakeHarness, OpenContract } from './repository-contract-support.js';
import { ContractTest, RELAXED_SETTINGS } from './repository-contract-support.js';
import { describeTimeouts } from './repository-contract-timeouts.js';
import { describeUsers } from './repository-contract-users.js';

export type { MakeHarness, RepositoryHarness } from './repository-contract-support.js';

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
    describeSourceVersions(open);
    describeLoads(open);
    describeQuotas(open);
    describeData(open);
    describeEvents(open);
    describeAddresses(open);
    describeIpLists(open);
    it('answers a ping', async () => {
      const { repository } = await open();
      await expect(repository.ping()).resolves.toBeUndefined();
    });
  });
}
