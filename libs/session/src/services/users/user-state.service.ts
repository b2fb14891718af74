// Over 250 lines: the public methods with all that is to be said of them.
import { Inject, Injectable } from '@nestjs/common';
import { Acts } from '../events/acts.js';
import { fieldsOf } from '../../basics/inputs.js';
import type { RevocationReceipt } from '../../model/revocation-receipt.js';
import { SessionError } from '../../model/session-error.js';
import type { UserState } from '../../model/user-state.js';
import type { AuditRepository } from '../../storage/contract/audit-repository.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import type { UserChange, UserChangeOutcome } from '../../storage/contract/user-repository.js';
import { AUDIT_REPOSITORY, SESSION_REPOSITORY, SESSION_SETTINGS } from '../../options/injection-keys.js';
import type { ActName } from '../../telemetry/messages.js';
import type { SessionSettings } from '../../options/settings.js';
import { checkedUserId, userRefOf } from '../../token/session-token.js';
import {
  blockInPast,
  checkedBlock,
  checkedChange,
  checkedList,
  checkedRoles,
  checkedUpdate,
  outdated,
} from './checks.js';
import { DirectoryLoad } from './directory-load.js';
import { type BlockOptions, type ChangeOptions, INITIAL, UNBLOCK, type UserUpdate } from './user-changes.js';
import { type ErasureReport, PersonalData, type UserExport, type UserExportOptions } from './user-export.js';

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
  private readonly acts: Acts;
  private readonly personalData: PersonalData;

  /** @internal */
  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    @Inject(SESSION_SETTINGS) settings: SessionSettings,
    @Inject(AUDIT_REPOSITORY) audit: AuditRepository,
  ) {
    const { userDirectory, userDirectoryTimeoutMs } = settings;
    this.acts = new Acts(repository, settings);
    this.personalData = new PersonalData(repository.users, audit, settings);
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
      isInitial: true,
    });
    if ('user' in made && made.user) return made.user;
    throw new SessionError('version_conflict');
  }

  /**
   * Refuses the user from now on and ends all sessions: when this resolves, no node accepts a request. Blocking again
   * replaces the reason and the end.
   * @throws SessionError `user_unknown`, `version_conflict` (with `ifVersion`), `bad_request`; `not_durable` (with
   * `durability: 'all-replicas'`, or behind Sentinels, which may be replacing the server): the block is in force, a failover may undo it, and it is safe to block again
   */
  async block(userId: string, options: BlockOptions): Promise<RevocationReceipt> {
    const block = checkedBlock(options);
    return this.act(userId, options, { act: 'block', changeOf: () => ({ block }) });
  }

  /** Lifts a block. Sessions from before it stay dead. */
  async unblock(userId: string, options: Pick<ChangeOptions, 'ifVersion'> = {}): Promise<UserState> {
    const { ifVersion } = fieldsOf(options, 'options', UNBLOCK);
    const lift = async () => (await this.write(userId, ifVersion, () => ({ block: null }))).user;
    return this.acts.watch({ act: 'unblock', userId }, lift);
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
    const change = checkedUpdate(checkedUserId(userId), given);
    const isOrdered = change.sourceVersion !== undefined && (change.isWhole || !this.directory);
    return this.acts.watch({ act: 'update', userId }, () => this.pushed(change, isOrdered));
  }

  private async pushed(change: Omit<UserChange, 'ifVersion'>, isOrdered: boolean): Promise<UserState> {
    const { userId, sourceVersion } = change;
    for (let attempt = 0; attempt < WRITE_ATTEMPTS; attempt++) {
      const ifVersion = isOrdered ? 'any' : await this.versionOf(userId);
      const outcome = await this.repository.users.change({ ...change, ifVersion });
      if (outcome.outcome === 'changed') {
        const { version, epoch } = outcome.user;
        await this.acts.assertFollowed({ userRef: userRefOf(userId), version, epoch });
        return outcome.user;
      }
      if (outcome.outcome === 'outdated') throw outdated(sourceVersion, outcome.user.sourceVersion);
      if (outcome.outcome === 'block_in_past') throw blockInPast();
    }
    throw new SessionError('version_conflict');
  }

  /**
   * Everything that is kept about a person, to be handed to them from a handler behind `@Fresh()`; not the app's own data.
   * @throws SessionError `bad_request` for what is no user id or no option
   */
  async export(userId: string, options: UserExportOptions = {}): Promise<UserExport> {
    return this.personalData.export(checkedUserId(userId), options);
  }

  /**
   * Forgets the user: first state, sessions and quotas, in one step, then session data and one-time tokens, which are of no use
   * without them. Repeat it if it rejects. Open connections end.
   * The user is unknown from then on; a login whose credentials were verified before fails if it gives `ifEpoch`.
   * With a `UserDirectory`, delete the user there first, or the next request loads the record again.
   * @returns how many live sessions that ended, and what of the user stays elsewhere, why, and until when
   */
  async erase(userId: string): Promise<ErasureReport> {
    checkedUserId(userId);
    return this.acts.watch({ act: 'erase', userId }, () => this.personalData.erase(userId));
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
    const { ifVersion, durability } = checkedChange(options);
    const wanted = this.acts.durabilityOf(durability);
    return this.acts.watch({ act, userId }, async () => {
      const { user, sessions } = await this.write(userId, ifVersion, changeOf);
      const { version, epoch } = user;
      return this.acts.receiptOf({ userId, version, epoch, sessions }, { wanted, startedAt });
    });
  }

  /**
   * Every change names the version it was made for, so that one which timed out here and arrives late cannot undo a
   * later one. Without the caller's `ifVersion`, a lost race is run again.
   */
  private async write(
    userId: string,
    wanted: number | undefined,
    changeOf: ChangeOf,
  ): Promise<Extract<UserChangeOutcome, { outcome: 'changed' }>> {
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
