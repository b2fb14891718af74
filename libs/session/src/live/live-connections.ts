import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { sessionOnly } from '../rules/access.js';
import type { AccessRequirements } from '../model/decision.js';
import { anything, callable, fieldsOf, type Inputs } from '../basics/inputs.js';
import { denialError, SessionError } from '../model/session-error.js';
import type { SessionRepository } from '../storage/contract/session-repository.js';
import { SESSION_REPOSITORY, SESSION_SETTINGS } from '../options/injection-keys.js';
import { IpPolicy } from '../services/ip/ip-policy.service.js';
import { assertRequirements, checkedOrigin } from '../services/sessions/requirements.js';
import { SessionService } from '../services/sessions/session.service.js';
import type { SessionSettings } from '../options/settings.js';
import { ConnectionRegistry } from './connection-registry.js';
import { LiveConnection } from './live-connection.js';

/** A client that asks for a live connection, for `LiveConnections.register()`. @publicApi */
export interface LiveCandidate {
  /** As it was presented at the handshake. */
  readonly token: string | undefined;
  /**
   * What the connection demands for as long as it lasts. Default: a live session of a user who is not blocked, from where the
   * option `ipPolicy` allows.
   */
  readonly requirements?: AccessRequirements;
  /** As `SessionTransport.clientIp` gives it. Absent, it is not known: then no allowlist lets it in. */
  readonly clientIp?: string | undefined;
  /**
   * Whether the client has gone while it was checked: asked when the check is done. One that has is not registered, and
   * the connection that is returned has ended.
   */
  readonly isGone?: () => boolean;
}

const CANDIDATE: Inputs<LiveCandidate> = {
  token: anything,
  requirements: anything,
  clientIp: anything,
  isGone: (value, name) => callable(value, name) as () => boolean,
};

/** Room comes when somebody closes a tab: nothing that would be worth asking for every second. */
const RETRY_AFTER_SECONDS = 10;

/**
 * The open streams and sockets of this node. Each one is checked again when something is done to its user or
 * to a list of addresses that it depends upon, when its
 * session should expire, and every 30 s besides; while no events are heard every 5 s, and at once when they are heard
 * again. One that cannot be checked for 15 s is ended.
 *
 * So an act ends a connection within milliseconds. With the events' connection broken that takes as long as mending it.
 * Where an event gets lost, an act that has a receipt is noticed not to be confirmed, and this node is told of that with
 * its next sign of life: less than 2 s, also with an events' connection that is silently dead. What has no receipt (the
 * end of one session, a new token, an erased user) takes less than 8 s with such a connection (it shows within 1.4 s),
 * and 31 s at most for an event that got lost on a sound one.
 * @example
 * ```ts
 * const connection = await connections.register({ token, clientIp });
 * connection.open(({ closeCode, code }) => socket.close(closeCode, code));
 * socket.on('close', () => connection.closed());
 * ```
 * @publicApi
 */
@Injectable()
export class LiveConnections implements OnModuleDestroy {
  private readonly registry: ConnectionRegistry;
  private isClosing = false;

  /** @internal */
  constructor(
    @Inject(SESSION_REPOSITORY) repository: SessionRepository,
    @Inject(SESSION_SETTINGS) private readonly settings: Pick<SessionSettings, 'live' | 'ipPolicy'>,
    private readonly sessions: SessionService,
    ip: IpPolicy,
  ) {
    this.registry = new ConnectionRegistry(repository, sessions, ip);
  }

  /** How many connections this node holds. */
  get size(): number {
    return this.registry.all().filter(({ isAdmitted }) => isAdmitted).length;
  }

  /**
   * Admits a connection: registered first and checked then, so that nothing done to its user falls in between. Call
   * `open` on it with what closes it as soon as there is something to close, and `closed` when the client has gone.
   * @throws SessionError the first denial that applies; `too_many_connections`
   */
  async register(candidate: LiveCandidate): Promise<LiveConnection> {
    const connection = await this.pending(candidate);
    try {
      await this.registry.add(connection);
      await this.admit(connection);
      if (candidate.isGone?.()) connection.closed();
      this.assertRoom(connection);
      if (this.isClosing) throw new SessionError('session_store_unavailable');
    } catch (error) {
      connection.closed();
      throw error;
    }
    this.registry.count(connection);
    return connection;
  }

  /** As `register`, for a client that opens nothing: the connection that is returned has ended. @internal */
  async checkOnce(candidate: LiveCandidate): Promise<LiveConnection> {
    const connection = await this.pending(candidate);
    try {
      await this.admit(connection);
    } finally {
      connection.closed();
    }
    return connection;
  }

  private async pending(candidate: LiveCandidate): Promise<LiveConnection> {
    const {
      token,
      requirements = sessionOnly(this.settings.ipPolicy.requirements),
      clientIp: givenIp,
    } = fieldsOf(candidate, 'candidate', CANDIDATE);
    assertRequirements(requirements);
    const { clientIp } = checkedOrigin({ clientIp: givenIp });
    if (this.isClosing) throw new SessionError('session_store_unavailable');
    const proof = token === undefined ? undefined : await this.sessions.parse(token);
    if (token === undefined || !proof) {
      const { decision } = await this.registry.check({ token, clientIp }, requirements, 'handshake');
      throw denialError(decision.permit ? { reason: 'session_invalid' } : decision);
    }
    const { userRef, sessionId } = proof;
    return new LiveConnection({ token, userRef, sessionId, requirements, clientIp }, this.registry);
  }

  private async admit(connection: LiveConnection): Promise<void> {
    const decision = await connection.admit();
    if (!decision.permit) throw denialError(decision);
  }

  /** Ends every connection: the server stops. */
  async onModuleDestroy(): Promise<void> {
    this.isClosing = true;
    await this.registry.close();
  }

  /** Only what was admitted counts: whoever knows a user's public name must not be able to use up their room. */
  private assertRoom({ userRef, sessionId }: LiveConnection): void {
    const { maxConnectionsPerSession, maxConnectionsPerUser } = this.settings.live;
    const ofUser = this.registry.ofUser(userRef).filter(({ isAdmitted }) => isAdmitted);
    const ofSession = ofUser.filter((other) => other.sessionId === sessionId);
    if (ofUser.length > maxConnectionsPerUser || ofSession.length > maxConnectionsPerSession) {
      throw new SessionError('too_many_connections', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
  }
}
