import { bulk, FixedArguments } from '../calls/call-body.js';
import type { RedisConnection } from '../calls/connection.js';
import {
  type CHECK_STATUS,
  type TokenLookupReply,
  type QuotaReply,
  readTokenLookup,
} from '../records/token-lookup.js';
import { type RedisKeys } from '../records/keys.js';
import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { SessionDataScripts } from './session-data.js';
import { TaggedScripts } from './tagged.js';

type SameForAll = 'touchIntervalMs' | 'rememberEndedMs' | 'maxStateAgeMs' | 'roleLifetimes';

/** Of whom a check is: names of fixed length, and 32 bytes. */
interface CheckProof {
  readonly userRef: string;
  readonly sessionId: string;
  readonly tokenHash: Buffer;
}

/** What the request brings to a check; the settings give the rest. */
interface CheckDemand extends Readonly<
  Record<'clientIp' | 'refusedRoles' | 'touchIfRoles' | 'withData', string>
> {
  /** As `leaseArgument` writes it; absent: the answer is not kept. */
  readonly lease: string | undefined;
  /** The fields of the quotas, then emissionUs and burst of each; absent: none. */
  readonly quotas: FixedArguments | undefined;
}

/** What a check found. */
type CheckReply =
  | TokenLookupReply
  | readonly [status: typeof CHECK_STATUS.unknown]
  | readonly [status: typeof CHECK_STATUS.load, userId: Buffer];

/** @param quotaCount how many quotas the check was asked about */
export function readCheckReply(reply: unknown, quotaCount: number): CheckReply {
  return Buffer.isBuffer(reply) ? readTokenLookup(reply, quotaCount) : (reply as CheckReply);
}

const MOST_SHARED = 1_000;
const NO_LEASE = bulk('');

/** One typed function for each script. Replies are as Redis gave them: text and numbers of records are still bytes. */
export class SessionScripts extends TaggedScripts {
  readonly data: SessionDataScripts;
  private checkSettings: FixedArguments;
  /** By the roles that make a request an activity: as many as handlers demand, and those that apps ask for at run time. */
  private readonly sharedArguments = new Map<string, string>();

  /** @param settings what the settings give to every check */
  constructor(
    connection: RedisConnection,
    keys: RedisKeys,
    private readonly settings: Readonly<Record<SameForAll, string | number>>,
  ) {
    super(connection, keys);
    this.data = new SessionDataScripts(connection, keys);
    this.checkSettings = checkSettingsOf(settings);
  }

  /** From now on, another age of users' records lets in. */
  useMaxStateAge(maxStateAgeMs: number | ''): void {
    this.checkSettings = checkSettingsOf({ ...this.settings, maxStateAgeMs });
    this.sharedArguments.clear();
  }

  /**
   * The one call of every request, and so put together from few pieces.
   * @param read `readCheckReply` makes of it what it says
   */
  authenticate<T>(proof: CheckProof, demand: CheckDemand, read: (reply: unknown) => T): Promise<T> {
    const { userRef, sessionId, tokenHash } = proof;
    const { withData, quotas } = demand;
    let text = bulk(this.keys.of(userRef, 'user'));
    if (withData !== '') text += bulk(this.keys.of(userRef, 'data'));
    text += `$16\r\n${sessionId}\r\n$32\r\n${tokenHash.toString('latin1')}\r\n`;
    text += bulk(demand.clientIp);
    text += this.sharedArgumentsOf(demand) + (demand.lease ?? NO_LEASE);
    if (quotas) text += quotas.text;
    const keyCount = withData === '' ? 1 : 2;
    const argCount = SCRIPTS.authenticate.args.length + (quotas?.values.length ?? 0);
    return this.connection.ask(SCRIPTS.authenticate, { keyCount, argCount, text }, read);
  }

  /** What most requests to a handler have in common is written once. */
  private sharedArgumentsOf({ refusedRoles, touchIfRoles, withData }: CheckDemand): string {
    if (refusedRoles !== '' || withData !== '') {
      return bulk(refusedRoles) + bulk(touchIfRoles) + bulk(withData) + this.checkSettings.text;
    }
    let shared = this.sharedArguments.get(touchIfRoles);
    if (shared === undefined) {
      shared = bulk('') + bulk(touchIfRoles) + bulk('') + this.checkSettings.text;
      if (this.sharedArguments.size >= MOST_SHARED) this.sharedArguments.clear();
      this.sharedArguments.set(touchIfRoles, shared);
    }
    return shared;
  }

  async quota(key: string, args: ArgumentsOf<typeof SCRIPTS.quota>): Promise<QuotaReply> {
    const { emissionUs, burst, cost, receipt, receiptMs } = args;
    const values = [emissionUs, burst, cost, receipt, receiptMs];
    return (await this.connection.run(SCRIPTS.quota, [key], values)) as QuotaReply;
  }

  async quotaBack(key: string, args: ArgumentsOf<typeof SCRIPTS.quotaBack>): Promise<QuotaReply> {
    const { operation, emissionUs, burst, cost, receipt } = args;
    const values = [operation, emissionUs, burst, cost, receipt];
    return (await this.connection.run(SCRIPTS.quotaBack, [key], values)) as QuotaReply;
  }

  userQuota(userRef: string, args: ArgumentsOf<typeof SCRIPTS.userQuota>) {
    return this.run<QuotaReply>('userQuota', userRef, args);
  }

  userQuotaBack(userRef: string, args: ArgumentsOf<typeof SCRIPTS.userQuotaBack>) {
    return this.run<QuotaReply>('userQuotaBack', userRef, args);
  }

  createSession(userRef: string, args: ArgumentsOf<typeof SCRIPTS.createSession>) {
    return this.ask('createSession', userRef, args);
  }

  listSessions(userRef: string) {
    return this.ask('listSessions', userRef, {});
  }

  /** Ahead of other calls. */
  revokeSessionAhead(userRef: string, args: ArgumentsOf<typeof SCRIPTS.revokeSession>): Promise<unknown> {
    return this.runAhead('revokeSession', userRef, args);
  }

  revokeSession(userRef: string, args: ArgumentsOf<typeof SCRIPTS.revokeSession>) {
    return this.run<0 | 1>('revokeSession', userRef, args);
  }

  revokeAll(userRef: string, args: ArgumentsOf<typeof SCRIPTS.revokeAll>) {
    return this.ask('revokeAll', userRef, args);
  }

  replaceToken(userRef: string, args: ArgumentsOf<typeof SCRIPTS.replaceToken>) {
    return this.ask('replaceToken', userRef, args);
  }

  sweepSessions(userRef: string, args: ArgumentsOf<typeof SCRIPTS.sweepSessions>) {
    return this.run<number>('sweepSessions', userRef, args);
  }

  refresh(userRef: string, args: ArgumentsOf<typeof SCRIPTS.refresh>) {
    return this.ask('refresh', userRef, args);
  }
}

function checkSettingsOf(settings: Readonly<Record<SameForAll, string | number>>): FixedArguments {
  const names = SCRIPTS.authenticate.args.filter((name) => name in settings);
  return new FixedArguments(names.map((name) => settings[name as SameForAll]));
}
