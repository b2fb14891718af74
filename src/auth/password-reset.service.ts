import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { ipPartition, OneTimeTokens, SessionError, SessionService } from '@latchkey/session';
import { LoggedAudit } from '../audit/logged-audit.js';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { Outbox } from '../outbox/outbox.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { Problem } from '../problem/problem.js';
import { type Account, isDemoUserId } from '../users/account.js';
import { UsersService } from '../users/users.service.js';

interface PasswordReset {
  /** As a client sent it. */
  readonly token: string;
  readonly newPassword: string;
  readonly ip?: string | undefined;
}

const PURPOSE = 'password-reset';
const TTL = '1h';
/** In whose name a token is made, and thrown away, for a user name that does not exist. */
const NOBODY = 'nobody----------';

/**
 * A new password for whoever gets a message. Blocked people may reset theirs, too: the block stays, and the reply to a
 * stranger's request must not tell of it.
 */
@Injectable()
export class PasswordResetService {
  private readonly logger = new Logger(PasswordResetService.name);

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly users: UsersService,
    private readonly sessions: SessionService,
    private readonly tokens: OneTimeTokens,
    private readonly passwords: PasswordHasher,
    private readonly audit: LoggedAudit,
    @Optional() private readonly outbox?: Outbox,
  ) {}

  /** @throws Problem `not_found` where nothing can be sent */
  assertAvailable(): void {
    if (!this.outbox) throw new Problem('not_found', 'No messages can be sent from here');
  }

  /**
   * Sends a message if there is such an account. For nobody the same calls are made, so that it takes as long. Older
   * messages stay good: a stranger who asks in somebody's name takes nothing away from them.
   */
  async request(username: string): Promise<void> {
    const account = await this.users.findByUsername(username);
    const known = account && this.mayReset(account) ? account : undefined;
    const { token } = await this.tokens.issue(PURPOSE, known?.id ?? NOBODY, { ttl: TTL });
    if (known) this.outbox?.send({ to: known.username, purpose: PURPOSE, token });
  }

  /**
   * Sets the password and ends every session. Accounts and sessions cannot be changed in one atomic step, so there are
   * three, in an order in which none can fail dangerously:
   *
   * 1. The token is used up, and in the same step a new epoch begins: every session ends, every other message is void,
   *    and a login or a change of password that is under way fails.
   * 2. The hash is replaced, if it is still the one that was there after 1. So there is never a new password beside a
   *    session from before the reset.
   * 3. Sessions end that were opened between 1 and 2, with the old password.
   *
   * If 1 fails, nothing has happened, but for a 503 after which it may have. If 2 fails, the password is the old one, all
   * sessions are over, and it takes another message. If 3 fails, it is tried once more, and the log tells of it; only
   * where this process dies there, a login that came just between 1 and 2 stays.
   * @throws SessionError `token_invalid`
   * @throws Problem `conflict` when the password was changed by other means meanwhile
   */
  async confirm({ token, newPassword, ip }: PasswordReset): Promise<void> {
    const owner = { client: ipPartition(ip), account: '' }; // whose it is, the token has yet to tell
    const to = await this.passwords.hash(newPassword, owner); // before the token is used: what fails here loses nothing
    await this.audit.record({ action: 'password.reset', ip }, async (act) => {
      const { subject, epoch } = await this.tokens.consume(token, PURPOSE, { revokeAll: true });
      act.add({ actorId: subject });
      try {
        // Without an epoch there was no user state: whether such a person may do anything is not known.
        const account = epoch === undefined ? undefined : await this.users.find(subject);
        if (!account || !this.mayReset(account)) throw new SessionError('token_invalid');
        if (!(await this.users.replacePasswordHash(account.id, { from: account.passwordHash, to }))) {
          throw new Problem(
            'conflict',
            'The password was changed elsewhere in the meantime: ask for a new message',
          );
        }
        act.done();
        await this.sessions.revokeAll(account.id);
      } catch (error) {
        const ending = this.endEverything(subject);
        const isAway = error instanceof SessionError && error.code === 'session_store_unavailable';
        if (!isAway) await ending; // else the client is not to wait for a second timeout
        throw error;
      }
    });
  }

  /** Production refuses the demo accounts, which it must not revive with another password either. */
  private mayReset({ id }: Account): boolean {
    return !(this.config.production && isDemoUserId(id));
  }

  /** Ends all sessions, or says in the log that it could not. */
  private async endEverything(userId: string): Promise<void> {
    try {
      await this.sessions.revokeAll(userId);
    } catch (error) {
      this.logger.error(`Sessions of ${userId} may have outlived a password reset: ${String(error)}`);
    }
  }
}
