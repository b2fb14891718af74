import type { Socket as NetSocket } from 'node:net';
import type { INestApplicationContext } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { MessageMappingProperties } from '@nestjs/websockets';
import type { Observable } from 'rxjs';
import { emitAtOnce } from '../contexts/socket.io/gate.js';
import { closeFirmly, type IoNamespace, type IoServer, type IoSocket } from '../contexts/socket.io/io.js';
import { survive } from '../contexts/ws/upgrade.js';
import { toProblem } from '../guard/problem.js';
import { CHECKS_SOCKETS } from '../handlers/handler-finder.js';
import { type ConnectionEnd, isDenial } from '../live/connection-end.js';
import { Gateways } from '../sockets/gateways.js';
import { setLiveConnection } from '../sockets/live-sockets.js';
import { placeMessageGuard } from '../sockets/message.guard.js';
import { IoMessages } from './io-messages.js';
import { type AdmittedSocket, Namespaces } from './namespaces.js';
import { assertServable, SAFE_DEFAULTS } from './server-options.js';

const NAME = 'SessionIoAdapter';

type CreateOptions = Parameters<IoAdapter['create']>[1];
type ServerOptions = Parameters<IoAdapter['createIOServer']>[1];
type Server = ReturnType<IoAdapter['createIOServer']>;
type Socket = Parameters<IoAdapter['bindMessageHandlers']>[0];

/** A namespace of a regular expression. */
interface ParentNamespace extends IoNamespace {
  readonly children: ReadonlySet<IoNamespace>;
}

/**
 * Nest's socket.io adapter, guarded: `app.useWebSocketAdapter(new SessionIoAdapter(app))`.
 *
 * A client joins a namespace with its session: the cookie, from a page that the cross-origin rule admits, or
 * `auth.token`, or `Authorization: Bearer`; with two of them it is refused. The decorators on the gateway's class (or on
 * its `handleConnection`) decide, anew for each namespace; a namespace without a gateway lets nobody in. A refusal is the
 * client's `connect_error`, with the problem as `error.data`.
 *
 * Each inbound message is checked by the decorators of the very handler that is about to run, in the order in which they
 * came. One that is not permitted is answered with the event `exception` and the problem, unless a filter of yours does;
 * an acknowledgement that was asked for is not called then, as with Nest's own filter.
 *
 * When a session ends, or its user is blocked or no longer permitted there, the socket gets `session-ended` with
 * `{ code }` and leaves its namespace; the connection is closed with its last namespace. Everything that is sent to a
 * socket, broadcasts and those of other nodes included, goes out only while its user may see it. Messages have at most
 * 16 KiB (`maxHttpBufferSize` of the gateway's options), and clients that leave 1 MiB unread are dropped.
 * @throws SessionConfigurationError for the option `connectionStateRecovery`, and the transport `webtransport`
 * @example
 * ```ts
 * app.useWebSocketAdapter(new SessionIoAdapter(app));
 * await app.listen(3000);
 * ```
 * @publicApi
 */
export class SessionIoAdapter extends IoAdapter {
  /** @internal */
  readonly [CHECKS_SOCKETS] = true;
  private readonly namespaces: Namespaces;
  private readonly messages = new WeakMap<object, IoMessages>();
  private readonly parents: ParentNamespace[] = [];

  /** @throws SessionConfigurationError for anything but an app */
  constructor(private readonly app: INestApplicationContext) {
    super(app);
    placeMessageGuard(app, NAME);
    this.namespaces = new Namespaces(app, (admitted) => this.open(admitted));
  }

  override create(port: number, options?: CreateOptions): ReturnType<IoAdapter['create']> {
    const created = super.create(port, options);
    const path = options?.path;
    if (isServer(created)) {
      this.guard(created, port, path);
      return created;
    }
    const namespace = created as unknown as IoNamespace;
    const wanted: unknown = options?.namespace;
    const gateways = Gateways.find(this.app, {
      adapter: NAME,
      isThere: (place) => place.port === port && place.path === path && isSame(place.namespace, wanted),
    });
    if (gateways && this.namespaces.claimantOf(namespace) === undefined) {
      const parent = this.parents.find(({ children }) => children.has(namespace));
      if (parent) gateways.assertAsOpenAs(this.namespaces.claimantOf(parent) as Gateways);
      this.namespaces.claim(namespace, gateways);
      if ('children' in namespace) this.parents.push(namespace as ParentNamespace);
    }
    return created;
  }

  override createIOServer(port: number, options?: ServerOptions): Server {
    return super.createIOServer(port, { ...SAFE_DEFAULTS, ...options } as ServerOptions);
  }

  override bindMessageHandlers(
    socket: Socket,
    handlers: MessageMappingProperties[],
    transform: (data: unknown) => Observable<unknown>,
  ): void {
    this.messages.get(socket)?.bind(handlers, transform);
  }

  private guard(created: Server, port: number, path: string | undefined): void {
    assertServable(Reflect.get(created, 'opts') as Record<string, unknown>);
    const server = created as unknown as IoServer;
    this.namespaces.guard(server);
    const { httpServer } = server;
    // Until the upgrade is done, nobody else listens, and a client that resets its connection would end the process.
    if (httpServer.listenerCount('upgrade') > 0)
      httpServer.prependListener('upgrade', (_request, socket) => survive(socket as NetSocket));
    const gateways = Gateways.find(this.app, {
      adapter: NAME,
      isThere: (place) => place.port === port && place.path === path && isSame(place.namespace, '/'),
    });
    if (gateways) this.namespaces.claim(server.of('/'), gateways);
  }

  private open(admitted: AdmittedSocket): void {
    const { socket, connection } = admitted;
    this.messages.set(
      socket,
      new IoMessages(socket, {
        mapPayload: (payload) => this.mapPayload(payload),
        permit: (...asked) => this.namespaces.permit(admitted, ...asked),
        isOpen: () => socket.connected,
        refuse: (error) => emitAtOnce(socket, 'exception', toProblem(error)),
        onFault: (error) => this.logger.error(error),
      }),
    );
    socket.on('error', () => undefined);
    if (!connection) return;
    setLiveConnection(socket, connection);
    // Not before the gateways have heard of the socket: they are told of its end, too.
    connection.open((end) => process.nextTick(() => endSocket(socket, end)));
  }
}

/** The last word, at once; then the namespace is left, and with the last one the connection. */
function endSocket(socket: IoSocket, { code }: ConnectionEnd): void {
  if (!socket.connected) return;
  const { client } = socket;
  // A client does not come back by itself to a namespace that it was sent out of, and does when its connection breaks.
  if (code === 'going_away') {
    client.conn.close(true);
    return;
  }
  emitAtOnce(socket, 'session-ended', { code });
  if (isDenial(code)) socket.disconnect();
  if (!isDenial(code) || client.sockets.size === 0) closeFirmly(client.conn);
}

function isServer(created: ReturnType<IoAdapter['create']>): created is Server {
  return 'engine' in created;
}

/** Whether a gateway's namespace is the one that Nest asks for: by its name with a slash before it. */
function isSame(declared: string | RegExp | undefined, wanted: unknown): boolean {
  if (typeof declared === 'object') return declared === wanted;
  return `/${(declared ?? '').replace(/^\//, '')}` === wanted;
}
