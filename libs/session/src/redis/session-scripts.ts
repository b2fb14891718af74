import type { RedisConnection } from './connection.js';
import { type RedisKeys } from './keys.js';
import { type FactsReply, readFactsReply } from './facts-reply.js';
import { type ArgumentsOf, type Script, SCRIPTS } from './script.js';

/** The first ten fields of a user's record, in the order of lua/include/user-record.lua; `null` where absent. */
export type UserReply = readonly (Buffer | null)[];

type SessionReply = readonly [now: number, record: Buffer, device: Buffer | null, user: UserReply];

/** A quota that is consumed with the check: its key's name, and its policy as the script takes it. */
export interface QuotaArgument {
  readonly key: `quota:${string}`;
  readonly policy: string;
}

type CheckArgument = keyof ArgumentsOf<typeof SCRIPTS.authenticate>;
type SameForAll = 'touchIntervalMs' | 'rememberEndedMs' | 'maxStateAgeMs' | 'roleLifetimes';

/** The arguments of a check; those that the settings give come in their order, ready to be sent. */
export interface CheckArguments extends Readonly<
  Record<Exclude<CheckArgument, SameForAll>, string | Buffer>
> {
  readonly settings: readonly string[];
}

/** What the settings give to every check, in the script's order. */
export function checkSettings(args: Readonly<Record<SameForAll, string | number>>): readonly string[] {
  return SCRIPTS.authenticate.args
    .filter((name) => name in args)
    .map((name) => String(args[name as SameForAll]));
}

/** allowed, remaining, microseconds until one more, microseconds until all */
export type QuotaReply = readonly [allowed: number, remaining: number, waitUs: number, resetUs: number];

export type DataReply = readonly [version: number, payload: Buffer];

/** One typed function for each script. Replies are as Redis gave them: text and numbers of records are still bytes. */
export class SessionScripts {
  constructor(
    private readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
  ) {}

  /** The one call of every request, and so without a name for each argument. */
  async authenticate(
    userRef: string,
    args: CheckArguments,
    quotas: readonly QuotaArgument[],
  ): Promise<FactsReply | [status: 0] | [status: 4, userId: Buffer]> {
    const { keys } = this;
    const names = [keys.of(userRef, 'user'), keys.of(userRef, 'sessions'), keys.of(userRef, 'data')];
    const values = [args.sessionId, args.tokenHash, args.touchIfRoles, ...args.settings];
    values.push(args.withData, args.clientIp, args.refusedRoles);
    for (const quota of quotas) {
      names.push(keys.of(userRef, quota.key));
      values.push(quota.policy);
    }
    const reply = await this.connection.run(SCRIPTS.authenticate, names, values);
    return Buffer.isBuffer(reply)
      ? readFactsReply(reply, quotas.length)
      : (reply as [status: 0] | [status: 4, userId: Buffer]);
  }

  async quota(key: string, args: ArgumentsOf<typeof SCRIPTS.quota>): Promise<QuotaReply> {
    const { operation, quotaPolicy, cost } = args;
    return (await this.connection.run(SCRIPTS.quota, [key], [operation, quotaPolicy, cost])) as QuotaReply;
  }

  createSession(userRef: string, args: ArgumentsOf<typeof SCRIPTS.createSession>) {
    return this.run<
      | [outcome: Buffer, now: number, record: Buffer, user: UserReply, evicted: Buffer[]]
      | [Buffer, number, UserReply]
      | [Buffer]
    >(SCRIPTS.createSession, userRef, args);
  }

  listSessions(userRef: string) {
    return this.run<[] | [now: number, user: UserReply, fields: Buffer[]]>(SCRIPTS.listSessions, userRef, {});
  }

  revokeSession(userRef: string, args: ArgumentsOf<typeof SCRIPTS.revokeSession>) {
    return this.run<0 | 1>(SCRIPTS.revokeSession, userRef, args);
  }

  revokeAll(userRef: string, args: ArgumentsOf<typeof SCRIPTS.revokeAll>) {
    return this.run<[outcome: Buffer, version: number, epoch: number, sessions: number] | [Buffer]>(
      SCRIPTS.revokeAll,
      userRef,
      args,
    );
  }

  replaceToken(userRef: string, args: ArgumentsOf<typeof SCRIPTS.replaceToken>) {
    return this.run<[outcome: Buffer, ...SessionReply, revoked: number] | [Buffer]>(
      SCRIPTS.replaceToken,
      userRef,
      args,
    );
  }

  readData(userRef: string, args: ArgumentsOf<typeof SCRIPTS.readData>) {
    return this.run<DataReply | []>(SCRIPTS.readData, userRef, args);
  }

  writeData(userRef: string, args: ArgumentsOf<typeof SCRIPTS.writeData>) {
    return this.run<[outcome: Buffer, version: number] | [Buffer, ...DataReply] | [Buffer]>(
      SCRIPTS.writeData,
      userRef,
      args,
    );
  }

  refresh(userRef: string, args: ArgumentsOf<typeof SCRIPTS.refresh>) {
    return this.run<RefreshReply>(SCRIPTS.refresh, userRef, args);
  }

  readUser(userRef: string, args: ArgumentsOf<typeof SCRIPTS.readUser>) {
    return this.run<[] | [now: number, user: UserReply]>(SCRIPTS.readUser, userRef, args);
  }

  makeUser(userRef: string, args: ArgumentsOf<typeof SCRIPTS.makeUser>) {
    return this.run<ChangeReply>(SCRIPTS.makeUser, userRef, args);
  }

  changeUser(userRef: string, args: ArgumentsOf<typeof SCRIPTS.changeUser>) {
    return this.run<ChangeReply>(SCRIPTS.changeUser, userRef, args);
  }

  eraseUser(userRef: string, args: ArgumentsOf<typeof SCRIPTS.eraseUser>) {
    return this.run<number>(SCRIPTS.eraseUser, userRef, args);
  }

  beginLoad(userRef: string, args: ArgumentsOf<typeof SCRIPTS.beginLoad>) {
    return this.run<Buffer>(SCRIPTS.beginLoad, userRef, args);
  }

  beginReload(userRef: string, args: ArgumentsOf<typeof SCRIPTS.beginReload>) {
    return this.run<Buffer>(SCRIPTS.beginReload, userRef, args);
  }

  finishLoad(userRef: string, args: ArgumentsOf<typeof SCRIPTS.finishLoad>) {
    return this.run<[outcome: Buffer]>(SCRIPTS.finishLoad, userRef, args);
  }

  private async run<Reply>(
    script: Script,
    userRef: string,
    args: Readonly<Record<string, string | number | Buffer>>,
  ): Promise<Reply> {
    const keys = script.keys.map((name) => this.keys.of(userRef, name));
    const values = script.args.map((name) => (name === 'channel' ? this.keys.events : (args[name] ?? '')));
    return (await this.connection.run(script, keys, values)) as Reply;
  }
}

export type RefreshReply =
  | [
      outcome: Buffer,
      now: number,
      record: Buffer,
      device: Buffer,
      user: UserReply,
      salt: Buffer,
      at: number,
      end: number,
    ]
  | [Buffer, now: number, record: Buffer, device: Buffer, user: UserReply]
  | [Buffer, now: number, user: UserReply]
  | [Buffer, userId: Buffer]
  | [Buffer];

export type ChangeReply =
  [outcome: Buffer, now: number, user: UserReply, sessions: number] | [Buffer, number, UserReply] | [Buffer];
