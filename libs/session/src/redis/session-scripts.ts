import type { RedisConnection } from './connection.js';
import { type FactsReply, type QuotaReply, readFactsReply } from './facts-reply.js';
import { type RedisKeys } from './keys.js';
import { FixedArguments } from './script-call.js';
import { type ArgumentsOf, type Script, SCRIPTS } from './script.js';
import type { UserReply } from './user-record.js';

type SessionReply = readonly [now: number, record: Buffer, device: Buffer | null, user: UserReply];

/** A quota that is consumed with the check. */
export interface QuotaArgument {
  readonly field: string;
  readonly emissionUs: number;
  readonly burst: number;
}

type CheckArgument = keyof ArgumentsOf<typeof SCRIPTS.authenticate>;
type SameForAll = 'touchIntervalMs' | 'rememberEndedMs' | 'maxStateAgeMs' | 'roleLifetimes';

/** The arguments of a check, but for what the settings give to all. */
export interface CheckArguments extends Readonly<
  Record<Exclude<CheckArgument, SameForAll>, string | Buffer>
> {
  readonly quotas: readonly QuotaArgument[];
}

/** What a check found: 0 nothing, 4 that the user must be loaded first. */
export type CheckReply = FactsReply | readonly [status: 0] | readonly [status: 4, userId: Buffer];

export type DataReply = readonly [version: number, payload: Buffer];

/** One typed function for each script. Replies are as Redis gave them: text and numbers of records are still bytes. */
export class SessionScripts {
  private readonly checkSettings: FixedArguments;

  /** @param settings what the settings give to every check */
  constructor(
    private readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
    settings: Readonly<Record<SameForAll, string | number>>,
  ) {
    const names = SCRIPTS.authenticate.args.filter((name) => name in settings);
    this.checkSettings = new FixedArguments(names.map((name) => settings[name as SameForAll]));
  }

  /** The one call of every request, and so without a name for each argument. */
  authenticate<T>(userRef: string, args: CheckArguments, read: (reply: CheckReply) => T): Promise<T> {
    const { quotas } = args;
    const keys = [this.keys.of(userRef, 'user')];
    if (args.withData !== '') keys.push(this.keys.of(userRef, 'data'));
    const values: (string | number | Buffer | FixedArguments)[] = [
      args.sessionId,
      args.tokenHash,
      args.clientIp,
      args.refusedRoles,
      args.touchIfRoles,
      args.withData,
      this.checkSettings,
    ];
    for (const { field } of quotas) values.push(field);
    for (const { emissionUs, burst } of quotas) values.push(emissionUs, burst);
    return this.connection.ask(SCRIPTS.authenticate, { keys, args: values }, (reply) =>
      read(Buffer.isBuffer(reply) ? readFactsReply(reply, quotas.length) : (reply as CheckReply)),
    );
  }

  async quota(key: string, args: ArgumentsOf<typeof SCRIPTS.quota>): Promise<QuotaReply> {
    const { operation, emissionUs, burst, cost } = args;
    const values = [operation, emissionUs, burst, cost];
    return (await this.connection.run(SCRIPTS.quota, [key], values)) as QuotaReply;
  }

  userQuota(userRef: string, args: ArgumentsOf<typeof SCRIPTS.userQuota>) {
    return this.run<QuotaReply>(SCRIPTS.userQuota, userRef, args);
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
