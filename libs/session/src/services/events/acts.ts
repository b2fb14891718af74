import { type Input, oneOf } from '../../basics/inputs.js';
import type { RevocationReceipt } from '../../model/revocation-receipt.js';
import { SessionError } from '../../model/session-error.js';
import type { SessionSettings } from '../../options/settings.js';
import { type ActRef, actOnIpList } from '../../storage/contract/node-registry.js';
import type { Durability, EndedSession, WrittenAct } from '../../storage/contract/replication.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import { type RequestedAct, watchAct } from '../../telemetry/tell.js';
import { userRefOf } from '../../token/session-token.js';
import { confirmationsOf } from './confirmations.js';

export const durability: Input<Durability> = oneOf('memory', 'all-replicas');

/** What every act waits for once it is written: the nodes, and the replicas where it is to be durable. */
export class Acts {
  constructor(
    private readonly repository: Pick<SessionRepository, 'nodes' | 'replication'>,
    private readonly settings: Pick<SessionSettings, 'durability' | 'realm'>,
  ) {}

  /**
   * How an act is to be acknowledged. Asked before it is written.
   * @throws TypeError when it is to wait for replicas, and the module does not know how many there are
   */
  durabilityOf(given: Durability = this.settings.durability): Durability {
    if (given === 'all-replicas' && this.repository.replication?.replicas === undefined)
      throw new TypeError(
        "options.durability can be 'all-replicas' only with the module's option `replicas`",
      );
    return given;
  }

  /** @throws SessionError as `settled` does */
  async assertFollowed(act: WrittenAct | EndedSession): Promise<void> {
    const { replication } = this.repository;
    if (replication && !(await replication.isFollowed(act))) throw new SessionError('not_durable');
  }

  /** @throws SessionError `not_durable`: the act is in force, and a failover may undo it, also one that is under way */
  async settled(
    act: WrittenAct,
    given: Durability,
  ): Promise<Pick<RevocationReceipt, 'connectionsClosed' | 'nodes'>> {
    const { nodes, replication } = this.repository;
    const [confirmed, isDurable] = await Promise.all([
      confirmationsOf(nodes, refOf(act)),
      given === 'memory' ? (replication?.isFollowed(act) ?? true) : replication?.reached(act),
    ]);
    if (!isDurable) throw new SessionError('not_durable');
    return confirmed;
  }

  /**
   * What an act against a user came to, once it is settled. @param startedAt by performance.now()
   * @throws SessionError as `settled` does
   */
  async receiptOf(
    {
      userId,
      version,
      epoch,
      sessions,
    }: Pick<RevocationReceipt, 'userId' | 'version' | 'epoch' | 'sessions'>,
    { wanted, startedAt }: { readonly wanted: Durability; readonly startedAt: number },
  ): Promise<RevocationReceipt> {
    const confirmed = await this.settled({ userRef: userRefOf(userId), version, epoch }, wanted);
    return { userId, version, epoch, sessions, ...confirmed, ms: performance.now() - startedAt };
  }

  /** Does something, and tells what became of it. */
  watch<T>(requested: Omit<RequestedAct, 'realm'>, perform: () => Promise<T>): Promise<T> {
    return watchAct({ ...requested, realm: this.settings.realm }, perform);
  }
}

function refOf(act: WrittenAct): ActRef {
  const { version } = act;
  return 'list' in act ? actOnIpList(act.list, version) : { userRef: act.userRef, version };
}
