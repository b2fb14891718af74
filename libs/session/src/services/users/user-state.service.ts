import { Inject, Injectable } from '@nestjs/common';
import { receiptOf } from '../events/confirmations.js';
import { fieldsOf } from '../../basics/inputs.js';
import type { RevocationReceipt } from '../../model/revocation-receipt.js';
import { SessionError } from '../../model/session-error.js';
import type { UserState } from '../../model/user-state.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import type { UserChange, UserChangeOutcome } from '../../storage/contract/user-repository.js';
import { SESSION_REPOSITORY, SESSION_SETTINGS } from '../../options/injection-keys.js';
import type { ActName } from '../../telemetry/messages.js';
import type { Realm } from '../../telemetry/realm.js';
import { watchAct } from '../../telemetry/tell.js';
import type { SessionSettings } from '../../options/settings.js';
import { checkedUserId } from '../../token/session-token.js';
import {
  blockInPast,
  checkedBlock,
  checkedChange,
  checkedList,
  checkedRoles,
  checkedVersion,
  outdated,
} from './checks.js';
import { DirectoryLoad } from './directory-load.js';
import { type BlockOptions, type ChangeOptions, INITIAL, UPDATE, type UserUpdate } from './user-changes.js';

type ChangeOf = (user: UserState) => Pick<UserChange, 'roles' | 'block' | 'ipAllowlist'>;

/** One of all writers wins each time, so this many at once get through. */
const WRITE_ATTEMPTS = 50;

/**
 * What is known of users: roles, blocks, allowlists, version and epoch. When one of its promises resolves, no node
 * decides by the state before. Every method rejects with `SessionError`; `session_store_unavailable` when Redis cannot
 * answer in time.
 * @example
 * ```ts
 * const receipt = await users.block(userId, { reason: 'spam', until: Date.now() + 86_400_000 });
 * console.log(`${receipt.sessions} sessions ended`);
 * await users.setRoles(userId, ['moderator']);
 * ```
 * @publicApi
 */
@Injectable()
export class UserStateService {
  private readonly directory: DirectoryLoad | undefined;
  private readonly realm: Realm;

  /** @internal */
  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    @Inject(SESSION_SETTINGS) { userDirectory, userDirectoryTimeoutMs, realm }: SessionSettings,
  ) {
    this.realm = realm;
    this.directory =
      userDirectory && new DirectoryLoad(repository.users, userDirectory, userDirectoryTimeoutMs);
  }

  /**
   * The user's state, loaded from the `UserDirectory` if there is one and no fresh record; `undefined` for an unknown
   * user.
   */
  async get(userId: string): Promise<UserState | undefined> {
    checkedUserId(userId);
    return (await this.repository.users.read(userId)) ?? (await this.load(userId));
  }

  /**
   * The user's state, made with these roles if there is none: for apps without a `UserDirectory`, at registration or
   * before a password is checked. An existing record is left as it is.
   * @throws SessionError `user_unknown` with a `UserDirectory` that does not know the user
   */
  async ensure(userId: string, initial: { readonly roles?: readonly string[] } = {}): Promise<UserState> {
    const { roles: given = [] } = fieldsOf(initial, 'initial', INITIAL);
    const roles = checkedRoles(given);
    const known = await this.get(userId);
    if (known) return known;
    if (this.directory) throw new SessionError('user_unknown');
    const made = await this.repository.users.change({
      userId,
      roles,
      ifVersion: 'absent',
    });
    if ('user' in made && made.user) return made.user;
    throw new SessionError('version_conflict');
  }

  /**
   * Refuses the user from now on and ends all sessions: when this resolves, no node accepts a request. Blocking again
   * replaces the reason and the end.
   * @throws SessionError `user_unknown`, `version_conflict` (with `ifVersion`), `bad_request`
   */
  async block(userId: string, options: BlockOptions): Promise<RevocationReceipt> {
    const block = checkedBlock(options);
    return this.act(userId, options, { act: 'block', changeOf: () => ({ block }) });
  }

  /** Lifts a block. Sessions from before it stay dead. */
  async unblock(userId: string, options: ChangeOptions = {}): Promise<UserState> {
    return this.told('unblock', userId, () => this.change(userId, options, () => ({ block: null })));
  }

  /** Replaces the user's roles; sessions keep their tokens and have the new roles from the next request on. */
  async setRoles(
    userId: string,
    roles: readonly string[],
    options: ChangeOptions = {},
  ): Promise<RevocationReceipt> {
    const checked = checkedRoles(roles);
    return this.act(userId, options, { act: 'set_roles', changeOf: () => ({ roles: checked }) });
  }

  /**
   * The only ranges that the user may come from, at most 64; `null`: from anywhere. Sessions keep their tokens, and are
   * refused with `ip_not_allowed` from anywhere else. The list is literal: an empty one lets the user in from nowhere,
   * and none does where the client IP is not known.
   * @throws SessionError `bad_request` naming the entry that is no CIDR, and as `block` does
   */
  async setIpAllowlist(
    userId: string,
    cidrs: readonly string[] | null,
    options: ChangeOptions = {},
  ): Promise<RevocationReceipt> {
    const ipAllowlist = checkedList(cidrs);
    return this.act(userId, options, { act: 'set_ip_allowlist', changeOf: () => ({ ipAllowlist }) });
  }

  /** Adds one role. */
  async grant(userId: string, role: string, options: ChangeOptions = {}): Promise<RevocationReceipt> {
    checkedRoles([role]);
    const changeOf: ChangeOf = (user) => ({ roles: checkedRoles([...user.roles, role]) });
    return this.act(userId, options, { act: 'grant', changeOf });
  }

  /** Takes one role away. */
  async withdraw(userId: string, role: string, options: ChangeOptions = {}): Promise<RevocationReceipt> {
    checkedRoles([role]);
    const changeOf: ChangeOf = (user) => ({ roles: user.roles.filter((held) => held !== role) });
    return this.act(userId, options, { act: 'withdraw', changeOf });
  }

  /**
   * Takes over what the app changed in its own database, making the record if there is none. To tighten, call this
   * first and write the database then; to loosen, the other way round. Best with a `sourceVersion`, and with both roles
   * and block: then it takes one call, and an older push that arrives late loses.
   * @returns the state that now holds. With the `sourceVersion` that is there already, an update may only tighten: it
   * takes roles away and blocks, and gives nothing
   * @throws SessionError `version_conflict` with an outdated `sourceVersion`: nothing was changed, a newer state holds;
   * `user_unknown` for a part of a user whom the `UserDirectory` does not know
   */
  async update(userId: string, given: UserUpdate): Promise<UserState> {
    checkedUserId(userId);
    const update = fieldsOf(given, 'update', UPDATE);
    const block =
      update.block === undefined || update.block === null ? update.block : checkedBlock(update.block);
    const isWhole = update.roles !== undefined && block !== undefined;
    const change = {
      userId,
      isWhole,
      ...(update.roles !== undefined ? { roles: checkedRoles(update.roles) } : {}),
      block,
      ...(update.ipAllowlist === undefined ? {} : { ipAllowlist: checkedList(update.ipAllowlist) }),
      ...(update.sourceVersion === undefined ? {} : { sourceVersion: checkedVersion(update.sourceVersion) }),
    };
    const isOrdered = update.sourceVersion !== undefined && (isWhole || !this.directory);
    return this.told('update', userId, () => this.pushed(change, isOrdered));
  }

  private async pushed(change: Omit<UserChange, 'ifVersion'>, isOrdered: boolean): Promise<UserState> {
    const { userId, sourceVersion } = change;
    for (let attempt = 0; attempt < WRITE_ATTEMPTS; attempt++) {
      const ifVersion = isOrdered ? 'any' : await this.versionOf(userId);
      const outcome = await this.repository.users.change({ ...change, ifVersion });
      if (outcome.outcome === 'changed') return outcome.user;
      if (outcome.outcome === 'outdated') throw outdated(sourceVersion, outcome.user.sourceVersion);
      if (outcome.outcome === 'block_in_past') throw blockInPast();
    }
    throw new SessionError('version_conflict');
  }

  /**
   * Forgets the user: state, sessions, every trace; counts of quotas by client IP or by a function go with their
   * windows.
   * @returns how many live sessions that ended
   */
  async erase(userId: string): Promise<number> {
    checkedUserId(userId);
    return this.told('erase', userId, () => this.repository.users.erase(userId));
  }

  /**
   * Asks the `UserDirectory`, one question at a time per user, and stores the answer unless something newer came in
   * between.
   * @internal
   */
  load(userId: string): Promise<UserState | undefined> {
    return this.directory ? this.directory.load(userId) : Promise.resolve(undefined);
  }

  private async versionOf(userId: string): Promise<number | 'absent'> {
    const user = await this.get(userId);
    if (!user && this.directory) throw new SessionError('user_unknown');
    return user?.version ?? 'absent';
  }

  private act(
    userId: string,
    options: ChangeOptions,
    { act, changeOf }: { readonly act: ActName; readonly changeOf: ChangeOf },
  ): Promise<RevocationReceipt> {
    const startedAt = performance.now();
    return this.told(act, userId, async () => {
      const { user, sessions } = await this.write(userId, options, changeOf);
      const { version, epoch } = user;
      return receiptOf(this.repository.nodes, { userId, version, epoch, sessions }, startedAt);
    });
  }

  private told<T>(act: ActName, userId: string, perform: () => Promise<T>): Promise<T> {
    return watchAct({ realm: this.realm, act, userId }, perform);
  }

  private async change(userId: string, options: ChangeOptions, changeOf: ChangeOf): Promise<UserState> {
    return (await this.write(userId, options, changeOf)).user;
  }

  /**
   * Every change names the version it was made for, so that one which timed out here and arrives late cannot undo a
   * later one. Without the caller's `ifVersion`, a lost race is run again.
   */
  private async write(
    userId: string,
    options: ChangeOptions,
    changeOf: ChangeOf,
  ): Promise<Extract<UserChangeOutcome, { outcome: 'changed' }>> {
    const wanted = checkedChange(options).ifVersion;
    for (let attempt = 0; attempt < WRITE_ATTEMPTS; attempt++) {
      const user = await this.get(userId);
      if (!user) throw new SessionError('user_unknown');
      const ifVersion = wanted ?? user.version;
      const outcome = await this.repository.users.change({ userId, ifVersion, ...changeOf(user) });
      if (outcome.outcome === 'changed') return outcome;
      if (outcome.outcome === 'block_in_past') throw blockInPast();
      if (wanted !== undefined) break;
    }
    throw new SessionError('version_conflict');
  }
}
