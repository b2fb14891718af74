import { Injectable, Optional } from '@nestjs/common';
import { OneTimeTokens, SessionError, type UserState } from '@latchkey/session';
import { LoggedAudit } from '../audit/logged-audit.js';
import { Outbox } from '../outbox/outbox.js';
import { Problem } from '../problem/problem.js';
import { fieldsOf } from '../untrusted/untrusted-json.js';
import { UsersService } from '../users/users.service.js';

const PURPOSE = 'email-proof';
const TTL = '1d';

/** An e-mail address becomes an account's when somebody reads what was sent there. */
@Injectable()
export class EmailProofService {
  constructor(
    private readonly users: UsersService,
    private readonly tokens: OneTimeTokens,
    private readonly audit: LoggedAudit,
    @Optional() private readonly outbox?: Outbox,
  ) {}

  /** @throws Problem `not_found` where nothing can be sent */
  assertAvailable(): void {
    if (!this.outbox) throw new Problem('not_found', 'No messages can be sent from here');
  }

  /**
   * Sends a message to the address; an older one is void.
   * @param user as the guard found them: a session that ends meanwhile sends none
   * @throws SessionError `epoch_changed`
   */
  async request({ id, epoch }: UserState, email: string): Promise<void> {
    const options = { ttl: TTL, data: { email }, replaceOlder: true, ifEpoch: epoch } as const;
    const { token } = await this.tokens.issue(PURPOSE, id, options);
    this.outbox?.send({ to: email, purpose: PURPOSE, token });
  }

  /** @throws SessionError `token_invalid` */
  async confirm(token: string, ip: string | undefined): Promise<void> {
    await this.audit.record({ action: 'email.prove', ip }, async (act) => {
      const { subject, data } = await this.tokens.consume(token, PURPOSE);
      act.add({ actorId: subject });
      const email = fieldsOf(data)?.['email'];
      if (typeof email !== 'string') throw new SessionError('token_invalid');
      await this.users.setEmail(subject, email);
    });
  }
}
