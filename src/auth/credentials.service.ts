import { Injectable, Logger } from '@nestjs/common';
import {
  type AuthenticatedSession,
  type IssuedSession,
  ipPartition,
  SessionError,
  SessionService,
} from '@latchkey/session';
import type { Act } from '../audit/actions.js';
import { Denials } from '../audit/denials.js';
import { LoggedAudit } from '../audit/logged-audit.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { Problem } from '../problem/problem.js';
import type { Account } from '../users/account.js';
import { UsersService } from '../users/users.service.js';

interface PasswordChange {
  readonly currentPassword: string;
  readonly newPassword: string;
  readonly ip?: string | undefined;
}

interface Registration {
  /** In its normal form. */
  readonly username: string;
  readonly password: string;
  readonly ip?: string | undefined;
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
    private readonly audit: LoggedAudit,
    private readonly denials: Denials,
  ) {}

  /** @throws Problem `conflict` when the user name is taken */
  async register({ username, password, ip }: Registration): Promise<Account> {
    const taken = new Problem('conflict', 'This user name is taken');
    if (await this.users.findByUsername(username)) throw taken; // spares the hash, decides nothing
    const passwordHash = await this.passwords.hash(password, { client: ipPartition(ip), account: username });
    return this.audit.record({ action: 'register', ip, details: { username } }, async (act) => {
      const account = await this.users.create({ username, passwordHash, roles: ['user'] });
      if (!account) throw taken;
      act.add({ actorId: account.id });
      return account;
    });
  }

  /** A new token for whoever proves the password again; the old one is dead. */
  async reauthenticate(
    { user, session }: AuthenticatedSession,
    { password, ip }: { readonly password: string; readonly ip?: string | undefined },
  ): Promise<IssuedSession> {
    await this.prove(user.id, password, { action: 'reauthenticate', ip });
    return this.sessions.replaceToken(session, { ifEpoch: user.epoch });
  }

  /**
   * Changes the password, ends every other session and gives this one a new token. Accounts and sessions cannot be
   * changed in one atomic step, so there are three, in an order that lets none fail dangerously:
   *
   * 1. The token is replaced, and every other session ends. If that fails, the password is the old one; after a 503 the
   *    sessions may have ended.
   * 2. The hash is replaced, if it is still the one that was checked. So there is never a new password beside a session
   *    from before the change.
   * 3. Sessions end that were opened between 1 and 2, with the old password.
   *
   * If 2 or 3 fails, nobody gets to know the new token, and every session of the user's is ended. What is left: where
   * Redis goes away after 2, or this process dies there, a login that came just between 1 and 2 stays. The log tells of
   * it, unless the process died.
   * @throws Problem `bad_credentials`; `conflict` when the password was changed elsewhere meanwhile
   * @throws SessionError `session_revoked` when the session was ended meanwhile: before step 2 nothing has changed then,
   * after it the new password stands
   */
  async changePassword(
    { user, session }: AuthenticatedSession,
    change: PasswordChange,
  ): Promise<IssuedSession> {
    const what: Act = { action: 'password.change', ip: change.ip };
    const account = await this.prove(user.id, change.currentPassword, what);
    const owner = { client: ipPartition(change.ip), account: account.username };
    const to = await this.passwords.hash(change.newPassword, owner);
    return this.audit.record({ ...what, actorId: account.id }, async (act) => {
      const issued = await this.sessions.replaceToken(session, { ifEpoch: user.epoch, revokeOthers: true });
      try {
        if (!(await this.users.replacePasswordHash(account.id, { from: account.passwordHash, to }))) {
          throw new Problem(
            'conflict',
            'The password was changed elsewhere in the meantime: log in with the new one',
          );
        }
        act.done();
        await this.sessions.revokeAll(account.id, { except: issued.session });
        return issued;
      } catch (error) {
        const ending = this.endEverything(account.id);
        const isAway = error instanceof SessionError && error.code === 'session_store_unavailable';
        if (!isAway) await ending; // else the client is not to wait for a second timeout
        throw error;
      }
    });
  }

  /** @throws Problem `bad_credentials` */
  private async prove(userId: string, password: string, what: Act): Promise<Account> {
    const account = await this.users.find(userId);
    const hash = account?.passwordHash ?? this.passwords.decoyHash;
    const owner = { client: ipPartition(what.ip), account: account?.username ?? userId };
    const isRight = await this.passwords.verify(hash, password, owner);
    if (!account || !isRight) {
      await this.denials.note({ ...what, actorId: userId, details: { code: 'bad_credentials' } });
      throw new Problem('bad_credentials', 'The password is wrong');
    }
    return account;
  }

  /** Ends all sessions, or says in the log that it could not. */
  private async endEverything(userId: string): Promise<void> {
    try {
      await this.sessions.revokeAll(userId);
    } catch (error) {
      this.logger.error(`Sessions of ${userId} may have outlived a change of password: ${String(error)}`);
    }
  }
}
