import { Inject, Injectable } from '@nestjs/common';
import { type UserState, UserStateService } from '@latchkey/session';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { Problem } from '../problem/problem.js';
import { isDemoUserId } from '../users/account.js';
import { UsersService } from '../users/users.service.js';
import { AdminWithdrawals, FOR_GOOD } from './admin-withdrawals.js';

const PAGE = 100;

/**
 * People who leave by themselves. An admin may go only while another one remains: another active admin stands in for the
 * actor that an act against an admin has, so that what `AdminWithdrawals` says of acts holds for those who leave, too,
 * also when two try at once. Who leaves is noted for good, and never stands in for anybody.
 */
@Injectable()
export class Retirements {
  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly users: UsersService,
    private readonly states: UserStateService,
    private readonly withdrawals: AdminWithdrawals,
  ) {}

  /**
   * To be called before anything of the account goes. It may be repeated.
   * @throws Problem `conflict` for a demo account, and for the last admin
   */
  async begin(userId: string): Promise<void> {
    if (isDemoUserId(userId)) throw new Problem('conflict', 'Demo accounts are made again at every start');
    const state = await this.states.get(userId);
    if (!state || !isAdminNow(state)) return this.withdrawals.retire(userId);
    const target = { ...state, version: FOR_GOOD };
    for await (const actor of this.otherAdmins(userId)) {
      if (await this.withdrawals.begin({ actor, target })) return;
    }
    throw new Problem('conflict', 'You are the last admin: make somebody else one first');
  }

  private async *otherAdmins(userId: string): AsyncGenerator<UserState> {
    for (let before: string | undefined; ;) {
      const page = await this.users.list({ limit: PAGE, ...(before === undefined ? {} : { before }) });
      for (const { id } of page ?? []) {
        // Production refuses the login of demo accounts.
        if (id === userId || (this.config.production && isDemoUserId(id))) continue;
        const state = await this.states.get(id);
        if (state && isAdminNow(state)) yield state;
      }
      before = page?.at(-1)?.id;
      if (before === undefined) return;
    }
  }
}

function isAdminNow({ roles, status }: UserState): boolean {
  return roles.includes('admin') && status === 'active';
}
