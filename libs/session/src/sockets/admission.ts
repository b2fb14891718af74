import type { IncomingMessage } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import type { Access } from '../rules/access.js';
import { FailedTokens } from '../guard/failed-tokens.js';
import { setRequestAccess } from '../guard/request-access.js';
import { RequestQuotas } from '../guard/request-quotas.js';
import { SessionTransport } from '../guard/session-transport.js';
import { IpPolicy } from '../services/ip/ip-policy.service.js';
import { denialError, SessionError } from '../model/session-error.js';
import type { NodeRequest } from '../contexts/http/http.js';
import type { WsSocket } from '../contexts/ws/ws.js';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import type { SessionSettings } from '../options/settings.js';
import { readCredentials } from '../contexts/http/credentials.js';
import type { LiveConnection } from '../live/live-connection.js';
import { LiveConnections } from '../live/live-connections.js';

/** Whom a message is from. */
export interface Sender {
  readonly socket: WsSocket;
  readonly handshake: IncomingMessage;
  /** Absent for nobody. */
  readonly connection: LiveConnection | undefined;
}

/** Who may connect, and who may say what. */
export class Admission {
  constructor(private readonly app: INestApplicationContext) {}

  /**
   * @returns `undefined` for nobody, where the gateway lets nobody in
   * @throws SessionError the first denial that applies
   */
  async ofHandshake(request: IncomingMessage, access: Access): Promise<LiveConnection | undefined> {
    const { transport } = this.app.get<SessionSettings>(SESSION_SETTINGS, { strict: false });
    const { token, transport: by } = readCredentials(request, transport);
    if (by === 'cookie') this.app.get(SessionTransport, { strict: false }).assertOrigin(request);
    const clientIp = this.clientIpOf(request);
    await this.assertAdmits(access, clientIp);
    await this.consume(access, request);
    if (access.mode === 'public' || (access.mode === 'optional' && token === undefined)) return undefined;
    const registry = this.app.get(LiveConnections, { strict: false });
    const registering = registry.register({
      token,
      requirements: access.requirements,
      clientIp,
      isGone: () => request.socket.destroyed,
    });
    const failedTokens = this.app.get(FailedTokens, { strict: false });
    const connection = await failedTokens.watch(registering, { token, request });
    // The client may be gone before there is a WebSocket to tell of it.
    request.socket.once('close', () => connection.closed());
    if (request.socket.destroyed) connection.closed();
    if (access.requirements.quotas?.length) await this.assertQuotas(connection);
    return connection;
  }

  /**
   * Checks a message, and leaves with its socket whom it is from, for @CurrentUser() and SessionGuard.
   * @param access of the handler that is about to have it; `undefined` when there is none
   * @throws SessionError when the message must not be acted upon
   */
  async ofMessage({ socket, handshake, connection }: Sender, access: Access | undefined): Promise<void> {
    const client = socket as unknown as NodeRequest;
    const realm = this.app.get(SessionTransport, { strict: false });
    if (access?.mode === 'service')
      throw new SessionError('forbidden', { detail: 'No service token comes by WebSocket' });
    if (!connection && access?.mode === 'guarded') throw new SessionError('session_missing');
    if (access) {
      await this.assertAdmits(access, this.clientIpOf(handshake));
      await this.consume(access, handshake);
    }
    if (!connection) {
      setRequestAccess(client, { realm, requirements: { roleGroups: [] }, admitted: 'anonymous' });
      return;
    }
    const requirements = access?.mode === 'guarded' ? access.requirements : undefined;
    const decision = await connection.check(requirements);
    if (!decision.permit) throw denialError(decision);
    setRequestAccess(client, { realm, requirements: requirements ?? { roleGroups: [] }, admitted: decision });
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

  private clientIpOf(handshake: IncomingMessage): string | undefined {
    return this.app.get(SessionTransport, { strict: false }).clientIp(handshake);
  }

  /**
   * The lists of the handler, which come before its quotas.
   * @throws SessionError `ip_not_allowed`
   */
  private async assertAdmits({ requirements: { ip } }: Access, clientIp: string | undefined): Promise<void> {
    if (ip) await this.app.get(IpPolicy, { strict: false }).assertAdmits(ip, clientIp);
  }

  /**
   * Counts against the quotas that live with no user, by the handshake's client IP.
   * @throws SessionError `rate_limited`
   */
  private async consume(access: Access, handshake: IncomingMessage): Promise<void> {
    if (access.quotas.length === 0) return;
    const quotas = await this.app.get(RequestQuotas, { strict: false }).consume(access, handshake);
    if (quotas.some(({ allowed }) => !allowed)) throw denialError({ reason: 'rate_limited', quotas });
  }
}
