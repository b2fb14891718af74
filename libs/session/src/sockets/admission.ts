import { type INestApplicationContext, Logger, type Type } from '@nestjs/common';
import type { Access } from '../rules/access.js';
import { admitsGuests } from '../rules/decide.js';
import { FailedTokens } from '../guard/failed-tokens.js';
import { setRequestAccess } from '../guard/calls/request-access.js';
import { RequestQuotas } from '../guard/request-quotas.js';
import { SessionTransport } from '../guard/session-transport.js';
import { IpPolicy } from '../services/ip/ip-policy.service.js';
import { denialError, SessionError } from '../model/session-error.js';
import type { NodeRequest } from '../contexts/http/http.js';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import type { SessionSettings, TransportSettings } from '../options/settings.js';
import type { Credentials } from '../contexts/http/credentials.js';
import type { LiveConnection } from '../live/live-connection.js';
import { LiveConnections } from '../live/live-connections.js';

/** A client that wants to connect. */
export interface Candidate {
  /** The HTTP request that its connection began with. */
  readonly handshake: NodeRequest;
  /** @throws SessionError `ambiguous_credentials` */
  readonly readCredentials: (settings: TransportSettings) => Credentials;
  readonly isGone: () => boolean;
  readonly onceGone: (callback: () => void) => void;
}

/** Whom a message is from. */
export interface Sender {
  readonly handshake: NodeRequest;
  /** Absent for nobody. */
  readonly connection: LiveConnection | undefined;
}

/** What an admission asks: of one SessionModule. */
export interface AdmissionParts {
  readonly connections: LiveConnections;
  readonly transport: SessionTransport;
  readonly failedTokens: FailedTokens;
  readonly ip: IpPolicy;
  readonly quotas: RequestQuotas;
  readonly settings: SessionSettings;
}

/** Of the SessionModule that an app finds first. */
export function admissionParts(app: INestApplicationContext): AdmissionParts {
  const part = <Part>(name: Type<Part> | symbol): Part => app.get<Part>(name, { strict: false });
  return {
    connections: part(LiveConnections),
    transport: part(SessionTransport),
    failedTokens: part(FailedTokens),
    ip: part(IpPolicy),
    quotas: part(RequestQuotas),
    settings: part<SessionSettings>(SESSION_SETTINGS),
  };
}

/** Who may connect, and who may say what. */
export class Admission {
  private readonly logger = new Logger('SessionModule');

  constructor(private readonly parts: AdmissionParts) {}

  /**
   * @returns `undefined` for nobody, where the gateway lets nobody in
   * @throws SessionError the first denial that applies
   */
  async ofHandshake(candidate: Candidate, access: Access): Promise<LiveConnection | undefined> {
    const { handshake, isGone } = candidate;
    const { connections, transport, failedTokens, settings } = this.parts;
    const { token, transport: by } = candidate.readCredentials(settings.transport);
    if (by === 'cookie') transport.assertOrigin(handshake);
    const clientIp = transport.clientIp(handshake);
    await this.assertAdmits(access, clientIp);
    await this.consume(access, handshake);
    if (access.mode === 'public' || (access.mode === 'optional' && token === undefined)) return undefined;
    const registering = connections.register({
      token,
      // To an optional gateway a guest is nobody, but for messages that are for guests.
      requirements:
        access.mode === 'optional' ? { ...access.requirements, allowGuests: true } : access.requirements,
      clientIp,
      isGone,
    });
    const connection = await failedTokens.watch(registering, { token, request: handshake });
    // The client may be gone before there is a socket to tell of it.
    candidate.onceGone(() => connection.closed());
    if (isGone()) connection.closed();
    if (access.requirements.quotas?.length) await this.assertQuotas(connection);
    return connection;
  }

  /** As `ofMessage`; what is no denial is logged, and told as one. */
  async permit(sender: Sender, access: Access | undefined, message: object = {}): Promise<void> {
    try {
      await this.ofMessage(sender, access, message as NodeRequest);
    } catch (error) {
      if (error instanceof SessionError) throw error;
      this.logger.error(error);
      throw new SessionError('session_store_unavailable', { cause: error });
    }
  }

  /**
   * Checks a message, and leaves beside it whom it is from, for @CurrentUser() and SessionGuard.
   * @param access of the handler that is about to have it; `undefined` when there is none
   * @throws SessionError when the message must not be acted upon
   */
  private async ofMessage(
    { handshake, connection }: Sender,
    access: Access | undefined,
    message: NodeRequest,
  ): Promise<void> {
    const { transport: realm } = this.parts;
    if (access?.mode === 'service')
      throw new SessionError('forbidden', { detail: 'No service token comes by WebSocket' });
    const isGuest = connection?.session.isGuest === true;
    const isNobody = isGuest ? access && !admitsGuests(access.requirements) : !connection;
    if (isNobody && access?.mode === 'guarded') throw new SessionError('session_missing');
    if (access) {
      await this.assertAdmits(access, realm.clientIp(handshake));
      await this.consume(access, handshake);
    }
    if (!connection) {
      setRequestAccess(message, { realm, requirements: { roleGroups: [] }, admitted: 'anonymous' });
      return;
    }
    const requirements = access?.mode === 'guarded' ? access.requirements : undefined;
    const decision = await connection.check(requirements);
    if (!decision.permit) throw denialError(decision);
    setRequestAccess(message, {
      realm,
      requirements: requirements ?? { roleGroups: [] },
      // As anywhere: what is public has no user, whoever may ask.
      admitted: isNobody || access?.mode === 'public' ? 'anonymous' : decision,
    });
  }

  /** Registering consumes none. */
  private async assertQuotas(connection: LiveConnection): Promise<void> {
    let isPermitted = false;
    try {
      const decision = await connection.check();
      if (!decision.permit) throw denialError(decision);
      isPermitted = true;
    } finally {
      if (!isPermitted) connection.closed();
    }
  }

  /**
   * The lists of the handler, which come before its quotas.
   * @throws SessionError `ip_not_allowed`
   */
  private async assertAdmits({ requirements: { ip } }: Access, clientIp: string | undefined): Promise<void> {
    if (ip) await this.parts.ip.assertAdmits(ip, clientIp);
  }

  /**
   * Counts against the quotas that live with no user, by the handshake's client IP.
   * @throws SessionError `rate_limited`
   */
  private async consume(access: Access, handshake: NodeRequest): Promise<void> {
    if (access.quotas.length === 0) return;
    const quotas = await this.parts.quotas.consume(access, handshake);
    if (quotas.some(({ allowed }) => !allowed)) throw denialError({ reason: 'rate_limited', quotas });
  }
}
