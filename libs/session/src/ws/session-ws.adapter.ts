import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import type { MessageMappingProperties } from '@nestjs/websockets';
import type { Observable } from 'rxjs';
import { CHECKS_SOCKETS } from '../handlers/handler-finder.js';
import { problemHeaders, toProblem } from '../guard/problem.js';
import { SessionConfigurationError, SessionError } from '../model/session-error.js';
import {
  closeFirmly,
  dropWhenGone,
  dropWhenSlow,
  isOpen,
  sendAtOnce,
  sendThrough,
  type HandshakeReply,
  type WsServer,
  type WsSocket,
} from '../contexts/ws/ws.js';
import { readCredentials } from '../contexts/http/credentials.js';
import type { LiveConnection } from '../live/live-connection.js';
import { Admission, admissionParts, type Candidate, type Sender } from '../sockets/admission.js';
import { Gateways } from '../sockets/gateways.js';
import { setLiveConnection } from '../sockets/live-sockets.js';
import { placeMessageGuard } from '../sockets/message.guard.js';
import { Messages, type ParsedMessage } from './messages.js';
import { Upgrades } from './upgrades.js';

const NAME = 'SessionWsAdapter';
const MAX_MESSAGE_BYTES = 16 * 1024;
const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * Nest's `ws` adapter, guarded: `app.useWebSocketAdapter(new SessionWsAdapter(app))`.
 *
 * A handshake is authorised before the upgrade, by the decorators of the gateway's class (or of its
 * `handleConnection`), and refused as HTTP. Each inbound message is checked by the decorators of the very handler that is
 * about to run, and again for each other one, in the order in which they came; one that is not permitted is answered with
 * `{ event: 'exception', data: problem }`, unless a filter of yours does. A socket whose session ends is closed with 4401, one whose user is blocked or
 * no longer permitted to be there with 4403. Handshakes count against the quotas of the class, messages against those of
 * their handler, those by client IP or by a function by the handshake's request. Messages have at most 16 KiB (`maxPayload` of the gateway's options), and
 * clients that leave 1 MiB unread, or answer no ping, are dropped.
 * @example
 * ```ts
 * app.useWebSocketAdapter(new SessionWsAdapter(app));
 * await app.listen(3000);
 * ```
 * @publicApi
 */
export class SessionWsAdapter extends WsAdapter {
  /** @internal */
  readonly [CHECKS_SOCKETS] = true;
  private readonly admission: Admission;
  private readonly messages = new WeakMap<object, Messages>();
  private readonly upgrades: Upgrades[] = [];
  /** By port: what serves which path, and `undefined` every other one. */
  private readonly servers = new Map<number, Map<string | undefined, WsServer>>();

  /** @throws SessionConfigurationError for anything but an app, and where it has been initialised already */
  constructor(private readonly app: INestApplicationContext) {
    super(app);
    placeMessageGuard(app, NAME);
    this.admission = new Admission(admissionParts(app));
  }

  override create(port: number, options: Parameters<WsAdapter['create']>[1] = {}): unknown {
    const gateways = Gateways.find(this.app, {
      adapter: NAME,
      isThere: (place) => place.port === port && place.path === options.path,
    });
    if (!gateways)
      throw new SessionConfigurationError(
        NAME,
        `finds no gateway at ${options.path ?? '/'}: add it to the providers of a module`,
      );
    const admitted = new WeakMap<IncomingMessage, LiveConnection>();
    const verifyClient = ({ req }: { req: IncomingMessage }, reply: HandshakeReply): void => {
      void this.admission
        .ofHandshake(candidateOf(req), gateways.handshake)
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
      const connection = admitted.get(request);
      adopt(socket, connection);
      this.messages.set(socket, this.messagesOf(socket, { handshake: request, connection }, gateways));
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
    this.messages.get(socket)?.bind(handlers, transform);
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

  private messagesOf(socket: WsSocket, sender: Sender, gateways: Gateways): Messages {
    return new Messages(socket, {
      parse: (data) => this.parse(data),
      permit: (handler, gateway, message) =>
        this.admission.permit(sender, handler && gateway && gateways.accessTo(handler, gateway), message),
      isOpen: () => isOpen(socket),
      refuse: (error) => sendAtOnce(socket, JSON.stringify({ event: 'exception', data: toProblem(error) })),
      onFault: (error) => this.logger.error(error),
    });
  }

  private parse(data: Buffer): ParsedMessage | undefined {
    try {
      return this.messageParser(data) ?? undefined;
    } catch {
      return undefined;
    }
  }
}

function candidateOf(request: IncomingMessage): Candidate {
  return {
    handshake: request,
    readCredentials: (settings) => readCredentials(request, settings),
    isGone: () => request.socket.destroyed,
    onceGone: (callback) => request.socket.once('close', callback),
  };
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
  setLiveConnection(socket, connection);
  socket.on('close', () => connection.closed());
  sendThrough(socket, (delivery) => connection.deliver(delivery));
  connection.open(({ code, closeCode }) => closeFirmly(socket, closeCode, code));
}

function refuse(error: unknown, reply: HandshakeReply): void {
  const known =
    error instanceof SessionError ? error : new SessionError('session_store_unavailable', { cause: error });
  reply(false, known.statusCode, JSON.stringify(toProblem(known)), problemHeaders(known));
}
