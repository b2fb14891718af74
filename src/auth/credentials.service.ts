import { Injectable, Logger } from '@nestjs/common';
import {
  type AuthenticatedSession,
  type IssuedSession,
  SessionError,
  SessionService,
} from '@latchkey/session';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { Problem } from '../problem/problem.js';
import type { Account } from '../users/account.js';
import { UsersService } from '../users/users.service.js';

export interface PasswordChange {
  readonly currentPassword: string;
  readonly newPassword: string;
}

/**
 * Registration, and what a logged-in person does with their password. The epoch that the guard read with the session
 * was read before the password is checked, as the library asks.
 */
@Injectable()
export class CredentialsService {
  private readonly logger = new Logger(CredentialsService.name);

  constructor(
    private readonly users: UsersService,
    private readonly sessions: SessionService,
    private readonly passwords: PasswordHasher,
  ) {}

  /** @throws Problem `conflict` when the user name is taken */
  async register(username: string, password: string): Promise<Account> {
    const taken = new Problem('conflict', 'This user name is taken');
    if (await this.users.findByUsername(username)) throw taken; // spares the hash, decides nothing
    const passwordHash = await this.passwords.hash(password);
    const account = await this.users.create({ username, passwordHash, roles: ['user'] });
    if (!account) throw taken;
    return account;
  }

  /** A new token for whoever proves the password again; the old one is dead. */
  async reauthenticate({ user, session }: AuthenticatedSession, password: string): Promise<IssuedSession> {
    await this.prove(user.id, password);
    return this.sessions.replaceToken(session, { ifEpoch: user.epoch });
  }

  /** Changes the password and ends every other session and every older token of this one. */
  async changePassword(
    { user, session }: AuthenticatedSession,
    change: PasswordChange,
  ): Promise<IssuedSession> {
    const account = await this.prove(user.id, change.currentPassword);
    const to = await this.passwords.hash(change.newPassword);
    try {
      if (!(await this.users.replacePasswordHash(account.id, { from: account.passwordHash, to }))) {
        throw new Problem('conflict', 'The password was changed elsewhere in the meantime');
      }
      return await this.sessions.replaceToken(session, { ifEpoch: user.epoch, revokeOthers: true });
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      const ending = this.endEverything(account.id);
      if (error.code !== 'session_store_unavailable') await ending; // the client is not to wait for a second timeout
      throw error;
    }
  }

  /** @throws Problem `bad_credentials` */
  private async prove(userId: string, password: string): Promise<Account> {
    const account = await this.users.find(userId);
    const isRight = await this.passwords.verify(account?.passwordHash ?? this.passwords.decoyHash, password);
    if (!account || !isRight) throw new Problem('bad_credentials', 'The password is wrong');
    return account;
  }

  /**
   * The new password may stand, but the caller's session ended meanwhile, or Redis gave no answer: then sessions that
   * were opened with the old password must not live on.
   */
  private async endEverything(userId: string): Promise<void> {
    try {
      await this.sessions.revokeAll(userId);
    } catch (error) {
      this.logger.error(`Sessions of ${userId} may have outlived a change of password: ${String(error)}`);
    }
  }
}
