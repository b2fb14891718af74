import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import type { MessageMappingProperties } from '@nestjs/websockets';
import type { Observable } from 'rxjs';
import type { Access } from '../../guard/access.js';
import { FailedTokens } from '../../guard/failed-tokens.js';
import { problemHeaders, toProblem } from '../../guard/problem.js';
import { setRequestAccess } from '../../guard/request-access.js';
import { SessionTransport } from '../../guard/session-transport.js';
import { RequestQuotas } from '../../guard/request-quotas.js';
import { denialError, SessionError } from '../../model/session-error.js';
import type { NodeRequest } from '../../platform/http.js';
import {
  closeFirmly,
  dropWhenGone,
  dropWhenSlow,
  isOpen,
  type HandshakeReply,
  type WsServer,
  type WsSocket,
} from '../../platform/ws.js';
import { IpPolicy } from '../../ip-policy.service.js';
import { SESSION_SETTINGS } from '../../session.injection-keys.js';
import type { SessionSettings } from '../../session.settings.js';
import { readCredentials } from '../../transport/credentials.js';
import { isSameOrigin } from '../../transport/cross-origin.js';
import type { LiveConnection } from '../live-connection.js';
import { LiveConnections } from '../live-connections.js';
import { Gateways } from './gateways.js';
import { Inbox } from './inbox.js';
import { Upgrades } from './upgrades.js';

const MAX_MESSAGE_BYTES = 16 * 1024;
const MAX_BUFFERED_BYTES = 1024 * 1024;

const connections = new WeakMap<object, LiveConnection>();

/**
 * The live connection behind a client, as a gateway's handlers are given it: its session and user. `undefined` where a
 * gateway also lets in nobody.
 * @publicApi
 */
export function liveConnectionOf(client: object): LiveConnection | undefined {
  return connections.get(client);
}

/**
 * Nest's `ws` adapter, guarded: `app.useWebSocketAdapter(new SessionWsAdapter(app))`.
 *
 * A handshake is authorised before the upgrade, by the decorators of the gateway's class (or of its
 * `handleConnection`), and refused as HTTP. Each inbound message is checked by its handler's decorators before the
 * handler is called, in the order in which they came; one that is not permitted is answered with
 * `{ event: 'exception', data: problem }`. A socket whose session ends is closed with 4401, one whose user is blocked or
 * no longer permitted to be there with 4403. Handshakes count against the quotas of the class, messages against those of
 * their handler, those by client IP or by a function by the handshake's request. Messages have at most 16 KiB (`maxPayload` of the gateway's options), and
 * clients that leave 1 MiB unread, or answer no ping, are dropped.
 * @publicApi
 */
export class SessionWsAdapter extends WsAdapter {
  private readonly gateways = new WeakMap<object, Gateways>();
  private readonly handshakes = new WeakMap<object, IncomingMessage>();
  private readonly upgrades: Upgrades[] = [];
  /** By port: what serves which path, and `undefined` every other one. */
  private readonly servers = new Map<number, Map<string | undefined, WsServer>>();

  constructor(private readonly app: INestApplicationContext) {
    super(app);
  }

  override create(port: number, options: Parameters<WsAdapter['create']>[1] = {}): unknown {
    const gateways = Gateways.at(this.app, port, options.path);
    const admitted = new WeakMap<IncomingMessage, LiveConnection>();
    const verifyClient = ({ req }: { req: IncomingMessage }, reply: HandshakeReply): void => {
      void this.authorise(req, gateways.handshake)
        .then(
          (connection) => {
            if (connection) admitted.set(req, connection);
            reply(true);
          },
          (error: unknown) => refuse(error, reply),
        )
        .catch((error: unknown) => {
          this.logger.error(error);
          req.socket.destroy();
        });
    };
    const server = super.create(port, {
      maxPayload: MAX_MESSAGE_BYTES,
      ...options,
      // Without a path, the package `ws` would have an HTTP server of its own.
      path: options.path ?? '/',
      verifyClient,
    }) as WsServer;
    const isEverywhere = port !== 0 && options.path === undefined;
    this.serversOn(port).set(isEverywhere ? undefined : normalPath(options.path), server);
    server.on('connection', (socket, request) => {
      this.gateways.set(socket, gateways);
      this.handshakes.set(socket, request);
      adopt(socket, admitted.get(request));
    });
    return server;
  }

  /** What a client does wrong is its own business, and no line in our log. */
  override bindErrorHandler(server: WsServer): WsServer {
    server.on('connection', (socket) => void socket.on('error', () => undefined));
    server.on('error', (error) => this.logger.error(error));
    return server;
  }

  override bindMessageHandlers(
    socket: WsSocket,
    handlers: MessageMappingProperties[],
    transform: (data: unknown) => Observable<unknown>,
  ): void {
    const byMessage = new Map(handlers.map((handler) => [handler.message as unknown, handler]));
    const inbox = new Inbox<Buffer>(socket, async (data) => {
      const message = this.parse(data);
      const handler = byMessage.get(message?.event);
      try {
        await this.permit(socket, message?.event);
        if (!isOpen(socket)) return;
        if (!message || !handler)
          throw new SessionError('bad_request', { detail: 'No such message is known' });
        // No `await` between the permission and this call: see LiveConnection.check.
        transform(handler.callback(message.data, message.event)).subscribe({
          next: (response) => response != null && isOpen(socket) && socket.send(JSON.stringify(response)),
          error: (error: unknown) => this.logger.error(error),
        });
      } catch (error) {
        if (!(error instanceof SessionError)) this.logger.error(error);
        answer(socket, error);
      }
    });
    socket.on('message', (data) => inbox.take(data));
  }

  override async dispose(): Promise<void> {
    for (const upgrades of this.upgrades.splice(0)) upgrades.end();
    this.servers.clear();
    await super.dispose();
  }

  /** As Nest's, but for what becomes of upgrades. @returns a server that is new */
  protected override ensureHttpServerExists(port: number, server?: Server): Server | undefined {
    if (this.httpServersRegistry.has(port)) return undefined;
    const http = server ?? createServer(wantUpgrade);
    this.httpServersRegistry.set(port, http);
    const servers = this.serversOn(port);
    const at = (path: string): WsServer | undefined => servers.get(path) ?? servers.get(undefined);
    this.upgrades.push(new Upgrades(http, at, (error) => this.logger.error(error)));
    return http;
  }

  private serversOn(port: number): Map<string | undefined, WsServer> {
    const servers = this.servers.get(port) ?? new Map<string | undefined, WsServer>();
    this.servers.set(port, servers);
    return servers;
  }

  /** @returns `undefined` for nobody, where the gateway lets nobody in */
  private async authorise(request: IncomingMessage, access: Access): Promise<LiveConnection | undefined> {
    const { transport } = this.app.get<SessionSettings>(SESSION_SETTINGS, { strict: false });
    const { token, transport: by } = readCredentials(request, transport);
    if (by === 'cookie' && !isSameOrigin(request, transport)) throw new SessionError('cross_origin');
    const clientIp = this.clientIpOf(request);
    await this.assertAdmits(access, clientIp);
    await this.consume(access, request);
    if (access.mode === 'public' || (access.mode === 'optional' && token === undefined)) return undefined;
    const registry = this.app.get(LiveConnections, { strict: false });
    const registering = registry.register({ token, requirements: access.requirements, clientIp });
    const failedTokens = this.app.get(FailedTokens, { strict: false });
    const connection = await failedTokens.watch(registering, { token, request });
    // The client may be gone before there is a socket to tell of it.
    request.socket.once('close', () => connection.closed());
    if (request.socket.destroyed) connection.closed();
    if (access.requirements.quotas?.length) {
      const decision = await connection.check(); // registering consumes none
      if (!decision.permit) {
        connection.closed();
        throw denialError(decision);
      }
    }
    return connection;
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

  /** @throws SessionError when the message must not be acted upon */
  private async permit(socket: WsSocket, message: unknown): Promise<void> {
    const connection = connections.get(socket);
    const access = this.gateways.get(socket)?.accessTo(message);
    // As to a request, so that @CurrentUser() and a SessionGuard find whom the message is from.
    const client = socket as unknown as NodeRequest;
    const handshake = this.handshakes.get(socket);
    if (!connection && access?.mode === 'guarded') throw new SessionError('session_missing');
    if (access && handshake) {
      await this.assertAdmits(access, this.clientIpOf(handshake));
      await this.consume(access, handshake);
    }
    if (!connection) {
      setRequestAccess(client, { requirements: { roleGroups: [] }, admitted: 'anonymous' });
      return;
    }
    const requirements = access?.mode === 'guarded' ? access.requirements : undefined;
    const decision = await connection.check(requirements);
    if (!decision.permit) throw denialError(decision);
    setRequestAccess(client, { requirements: requirements ?? { roleGroups: [] }, admitted: decision });
  }

  private parse(data: Buffer): { readonly event: string; readonly data: unknown } | undefined {
    try {
      return this.messageParser(data) ?? undefined;
    } catch {
      return undefined;
    }
  }
}

/** What a port says that has gateways only. */
function wantUpgrade(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end();
}

/** As Nest has it: one slash before, none after it, and none twice. */
function normalPath(path = ''): string {
  return `/${path.split('/').filter(Boolean).join('/')}`;
}

function adopt(socket: WsSocket, connection: LiveConnection | undefined): void {
  dropWhenSlow(socket, MAX_BUFFERED_BYTES);
  dropWhenGone(socket);
  if (!connection) return;
  connections.set(socket, connection);
  socket.on('close', () => connection.closed());
  connection.open(({ code, closeCode }) => closeFirmly(socket, closeCode, code));
}

function refuse(error: unknown, reply: HandshakeReply): void {
  const known =
    error instanceof SessionError ? error : new SessionError('session_store_unavailable', { cause: error });
  reply(false, known.statusCode, JSON.stringify(toProblem(known)), problemHeaders(known));
}

function answer(socket: WsSocket, error: unknown): void {
  if (!isOpen(socket)) return;
  const known =
    error instanceof SessionError ? error : new SessionError('session_store_unavailable', { cause: error });
  socket.send(JSON.stringify({ event: 'exception', data: toProblem(known) }));
}
