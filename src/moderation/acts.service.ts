import { Injectable } from '@nestjs/common';
import {
  type RevocationReceipt,
  SessionError,
  SessionService,
  type UserState,
  UserStateService,
} from '@latchkey/session';
import { Problem } from '../problem/problem.js';
import type { Account } from '../users/account.js';
import { toUserDto, type UserDto } from '../users/user.dto.js';
import { UsersService } from '../users/users.service.js';
import { AdminWithdrawals } from './admin-withdrawals.js';
import { isAdmin, mayActOn } from './rank.js';

const ATTEMPTS = 8;

interface Act<T> {
  readonly isForAdmins: boolean;
  /** Whether an admin is no active admin any more after the act. */
  readonly endsAdmin: boolean;
  /** Makes a state for a target who lost theirs. Absent: such a target is refused. */
  readonly restore?: () => Promise<UserState>;
  /** Does it, on the condition that the target's state is still the one given. */
  readonly write: (target: UserState) => Promise<T>;
}

const MODERATION = { isForAdmins: false, endsAdmin: false };

/** What an act came to: the user as they are now, and the library's receipt. */
interface ActOutcome {
  readonly user: UserDto;
  readonly receipt: RevocationReceipt;
}

/**
 * What moderators and admins do to other users. Both states are read and judged by the rank rule, and then the write
 * names the target's version that was judged: if the target changed meanwhile, all of it is done again. The actor's
 * standing is only read just before; an act may still take effect that was judged before its actor lost the role. Acts
 * against admins are stricter (see `AdminWithdrawals`), so that an admin always remains.
 */
@Injectable()
export class ActsService {
  constructor(
    private readonly users: UsersService,
    private readonly states: UserStateService,
    private readonly sessions: SessionService,
    private readonly withdrawals: AdminWithdrawals,
  ) {}

  async block(
    actor: UserState,
    targetId: string,
    block: { readonly reason: string; readonly until?: Date },
  ): Promise<ActOutcome> {
    const write = ({ id, version }: UserState) =>
      this.states.block(id, { ...block, by: actor.id, ifVersion: version });
    const { account, result } = await this.perform(actor, targetId, {
      ...MODERATION,
      endsAdmin: true,
      write,
    });
    return { user: await this.users.describe(account), receipt: result };
  }

  async unblock(actor: UserState, targetId: string): Promise<{ user: UserDto }> {
    const write = ({ id, version }: UserState) => this.states.unblock(id, { ifVersion: version });
    const { account, result } = await this.perform(actor, targetId, { ...MODERATION, write });
    return { user: toUserDto(account, result) };
  }

  /**
   * The one act that brings back a lost user state: an admin says what the user shall be. A block that was lost with it
   * is gone for good, so that no lesser act may do this in passing.
   */
  async setRoles(actor: UserState, targetId: string, roles: readonly string[]): Promise<ActOutcome> {
    const { account, result } = await this.perform(actor, targetId, {
      isForAdmins: true,
      endsAdmin: !isAdmin(roles),
      restore: () => this.states.ensure(targetId, { roles }),
      write: ({ id, version }) => this.states.setRoles(id, roles, { ifVersion: version }),
    });
    return { user: await this.users.describe(account), receipt: result };
  }

  /** Logs the user out everywhere. The library ends sessions whatever the version is: both states are only read just before. */
  async endSessions(actor: UserState, targetId: string): Promise<RevocationReceipt> {
    const write = ({ id }: UserState) => this.sessions.revokeAll(id);
    return (await this.perform(actor, targetId, { ...MODERATION, write })).result;
  }

  /**
   * The rank rule for what is only looked at. One's own is everybody's to see.
   * @throws SessionError `forbidden`; `session_store_unavailable` for a user whose rank was lost, unless an admin asks
   */
  async assertMayLook(actor: UserState, target: Account): Promise<void> {
    if (actor.id === target.id || isAdmin(actor.roles)) return;
    const { roles } = await this.users.stateOf(target);
    if (!mayActOn(actor.roles, roles)) throw new SessionError('forbidden');
  }

  private async perform<T>(
    { id: actorId }: UserState,
    targetId: string,
    act: Act<T>,
  ): Promise<{ readonly account: Account; readonly result: T }> {
    const account = await this.users.require(targetId);
    if (actorId === targetId) throw new Problem('conflict', 'Nobody may do this to themselves');
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [actor, known] = await Promise.all([this.states.get(actorId), this.states.get(targetId)]);
      if (actor?.status === 'blocked')
        throw new SessionError('user_blocked', actor.block ? { block: actor.block } : {});
      const mayAct =
        actor && (act.isForAdmins ? isAdmin(actor.roles) : mayActOn(actor.roles, known?.roles ?? []));
      if (!mayAct) throw new SessionError('forbidden');
      if (!known) await this.users.require(targetId); // an account that is being erased goes before its state
      const target = known ?? (await (act.restore?.() ?? this.users.stateOf(account)));
      if (act.endsAdmin && isAdmin(target.roles) && !(await this.withdrawals.begin({ actor, target }))) {
        throw new Problem(
          'conflict',
          'A block or demotion of you was begun. If you are an admin still, another one must set your roles first',
        );
      }
      try {
        return { account, result: await act.write(target) };
      } catch (error) {
        if (!(error instanceof SessionError && error.code === 'version_conflict')) throw error;
      }
    }
    throw new Problem('conflict', 'Others are changing this user at the same time: try again');
  }
}
