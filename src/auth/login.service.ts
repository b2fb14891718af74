import { Inject, Injectable } from '@nestjs/common';
import {
  type Device,
  ipPartition,
  type IssuedSession,
  SessionError,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import type { Act } from '../audit/actions.js';
import { Denials } from '../audit/denials.js';
import { LoggedAudit } from '../audit/logged-audit.js';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { Problem } from '../problem/problem.js';
import { type Account, isDemoUserId } from '../users/account.js';
import { UsersService } from '../users/users.service.js';

interface LoginAttempt {
  /** In its normal form. */
  readonly username: string;
  readonly password: string;
  readonly device: Partial<Device>;
  readonly rememberMe: boolean;
}

export interface Login {
  readonly account: Account;
  readonly issued: IssuedSession;
}

/** What is looked at in place of an account that does not exist, so that both take as long. */
const NOBODY = 'nobody----------';
const ATTEMPTS = 2;

/** Proves a password and opens a session. */
@Injectable()
export class LoginService {
  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly users: UsersService,
    private readonly states: UserStateService,
    private readonly sessions: SessionService,
    private readonly passwords: PasswordHasher,
    private readonly audit: LoggedAudit,
    private readonly denials: Denials,
  ) {}

  /**
   * Opens a session for whoever knows the password.
   *
   * The epoch is read before the password is checked. If a block, a password change or a "log out everywhere" comes in
   * between, the check is worth nothing any more and everything is done once more; a person whose password is still
   * right notices nothing.
   * @throws Problem `bad_credentials`; `conflict` when the user was changed during both attempts
   * @throws SessionError `user_blocked`, after a right password only
   */
  async login(attempt: LoginAttempt): Promise<Login> {
    for (let round = 0; round < ATTEMPTS; round++) {
      const login = await this.attempt(attempt);
      if (login) return login;
    }
    throw new Problem('conflict', 'The account was changed while you were logging in: log in again');
  }

  /** @returns `undefined` when the user's epoch changed in between */
  private async attempt({
    username,
    password,
    device,
    rememberMe,
  }: LoginAttempt): Promise<Login | undefined> {
    // Also for nobody, for a wrong password and for refused demo accounts: the same steps, so the same duration.
    const id = (await this.users.findByUsername(username))?.id ?? NOBODY;
    const state = await this.states.get(id);
    // Read after the epoch: a hash that was replaced in between is not the one that is checked.
    const account = await this.users.find(id);
    const hash = account?.passwordHash ?? this.passwords.decoyHash;
    const owner = { client: ipPartition(device.ip), account: username };
    const isRight = await this.passwords.verify(hash, password, owner);
    const what: Act = { action: 'login', ip: device.ip || undefined };
    if (!account || !isRight || (this.config.production && isDemoUserId(account.id))) {
      // Not what was typed as a user name: that is now and then a password.
      await this.denials.note({ ...what, targetId: account?.id, details: { code: 'bad_credentials' } });
      throw new Problem('bad_credentials');
    }
    const { epoch } = state ?? (await this.users.stateOf(account));
    try {
      const issued = await this.audit.record({ ...what, actorId: account.id }, async (act) => {
        const made = await this.sessions.create(account.id, { device, rememberMe, ifEpoch: epoch });
        act.add({ details: { session: made.session.id } });
        return made;
      });
      return { account, issued };
    } catch (error) {
      if (error instanceof SessionError && error.code === 'epoch_changed') return undefined;
      throw error;
    }
  }
}
