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
  /** Whether an admin is no active admin any more after the act. */
  readonly endsAdmin: boolean;
  /** Does it, on the condition that the target's state is still the one given. */
  readonly write: (target: UserState) => Promise<T>;
}

/** What an act came to: the user as they are now, and the library's receipt. */
export interface ActOutcome {
  readonly user: UserDto;
  readonly receipt: RevocationReceipt;
}

/**
 * What moderators and admins do to other users. The rank rule is part of the write: both states are read, judged, and
 * the write names the version that was judged. If somebody else was faster, all of it is done again.
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
    const { account, result } = await this.perform(actor, targetId, { endsAdmin: true, write });
    return { user: await this.users.describe(account), receipt: result };
  }

  async unblock(actor: UserState, targetId: string): Promise<{ user: UserDto }> {
    const write = ({ id, version }: UserState) => this.states.unblock(id, { ifVersion: version });
    const { account, result } = await this.perform(actor, targetId, { endsAdmin: false, write });
    return { user: toUserDto(account, result) };
  }

  async setRoles(actor: UserState, targetId: string, roles: readonly string[]): Promise<ActOutcome> {
    const write = ({ id, version }: UserState) => this.states.setRoles(id, roles, { ifVersion: version });
    const { account, result } = await this.perform(actor, targetId, { endsAdmin: !isAdmin(roles), write });
    return { user: await this.users.describe(account), receipt: result };
  }

  /** Logs the user out everywhere. The library ends sessions whatever the version is: judged is the state just before. */
  async endSessions(actor: UserState, targetId: string): Promise<RevocationReceipt> {
    const write = ({ id }: UserState) => this.sessions.revokeAll(id);
    return (await this.perform(actor, targetId, { endsAdmin: false, write })).result;
  }

  private async perform<T>(
    { id: actorId }: UserState,
    targetId: string,
    act: Act<T>,
  ): Promise<{ readonly account: Account; readonly result: T }> {
    const account = await this.users.require(targetId);
    if (actorId === targetId) throw new Problem('conflict', 'Nobody may do this to themselves');
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // `ensure`: an account whose state was lost gets its rights back by an act like these, and only so.
      const [actor, target] = await Promise.all([this.states.get(actorId), this.states.ensure(targetId)]);
      if (actor?.status === 'blocked')
        throw new SessionError('user_blocked', actor.block ? { block: actor.block } : {});
      if (!actor || !mayActOn(actor.roles, target.roles)) throw new SessionError('forbidden');
      if (act.endsAdmin && isAdmin(target.roles) && !(await this.withdrawals.begin({ actor, target }))) {
        throw new Problem('conflict', 'You are being blocked or demoted yourself: an admin must remain');
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
