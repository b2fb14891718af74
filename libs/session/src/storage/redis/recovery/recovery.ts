import { setTimeout as sleep } from 'node:timers/promises';
import type { NewServer } from '../../../redis/servers/server-watch.js';
import type {
  ActMemory,
  RememberedEnd,
  RememberedErasure,
  RememberedList,
  RememberedUser,
} from './act-memory.js';
import type { StateAge } from './state-age.js';

/**
 * After a restart no node lets anybody in for so long: time for every node to come back and to repeat its acts. Clients try
 * to connect every 250 ms.
 */
const GATHERING_MS = 400;
/** A process that has run for longer has not just been started. */
const JUST_STARTED_S = 60;

/** So many acts at a time: each has the deadline of a call. */
const AT_ONCE = 200;
/** Of lists, which may have thousands of ranges. */
const LISTS_AT_ONCE = 5;
/** What Redis says of a record that is none of ours; it must not keep everybody out. */
const DAMAGED = /^(WRONGTYPE|ERR) /;

interface RecoveryParts {
  readonly acts: ActMemory;
  readonly stateAge: StateAge;
  /** Notes a server in Redis: the time there, since when it has been noted, and whether there was another before. */
  meet(
    identity: string,
  ): Promise<{ readonly now: number; readonly since: number; readonly hadOther: boolean }>;
  eraseUser(erasure: RememberedErasure): Promise<unknown>;
  restoreUser(user: RememberedUser): Promise<unknown>;
  endSession(end: RememberedEnd): Promise<unknown>;
  restoreList(list: RememberedList): Promise<unknown>;
  /** Refuses calls that were put together by what the server before knew. */
  refuseWaiting(): void;
}

/**
 * What a node does before it uses a Redis that is not the one of before, whose data may be older: it repeats its own acts,
 * and believes no user's record from before that has to be loaded from the app's database.
 */
export class Recovery {
  constructor(private readonly parts: RecoveryParts) {}

  readonly onNewServer = async ({ identity, uptimeS, isFirst }: NewServer): Promise<void> => {
    const { acts, stateAge } = this.parts;
    if (stateAge.isTimed) {
      const { now, since, hadOther } = await this.parts.meet(identity);
      if ((hadOther || !isFirst) && stateAge.distrustBefore(since, now)) this.parts.refuseWaiting();
    }
    if (isFirst) return;
    await someAtATime(acts.erasedUsers, (erasure) => this.parts.eraseUser(erasure));
    await Promise.all([
      someAtATime(acts.changedUsers, (user) => this.parts.restoreUser(user)),
      someAtATime(acts.endedSessions, (end) => this.parts.endSession(end)),
      someAtATime(acts.changedLists, (list) => this.parts.restoreList(list), LISTS_AT_ONCE),
    ]);
    if (uptimeS < JUST_STARTED_S) await sleep(GATHERING_MS);
  };
}

async function someAtATime<T>(
  items: readonly T[],
  act: (item: T) => Promise<unknown>,
  atOnce = AT_ONCE,
): Promise<void> {
  for (let i = 0; i < items.length; i += atOnce)
    await Promise.all(items.slice(i, i + atOnce).map((item) => act(item).catch(unlessDamaged)));
}

function unlessDamaged(error: unknown): void {
  const { cause } = Object(error) as { readonly cause?: unknown };
  if (!(cause instanceof Error && DAMAGED.test(cause.message))) throw error;
}
