import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { readCredentials } from '../contexts/http/credentials.js';
import { destroyUnlessAnswered, survive } from '../contexts/ws/upgrade.js';
import { closeFirmly, dropWhenSlow, isOpen, sendThrough, type WsSocket } from '../contexts/ws/ws.js';
import { AccessReader } from '../guard/access-reader.js';
import { FailedTokens } from '../guard/failed-tokens.js';
import { RequestQuotas } from '../guard/request-quotas.js';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import type { SessionSettings } from '../options/settings.js';
import { IpPolicy } from '../services/ip/ip-policy.service.js';
import { checkOperations, MessageCheck } from '../guard/calls/message-check.js';
import { SessionTransport } from '../guard/session-transport.js';
import { CHECKS_SOCKETS } from '../handlers/handler-finder.js';
import type { LiveConnection } from '../live/live-connection.js';
import { LiveConnections } from '../live/live-connections.js';
import { SessionError } from '../model/session-error.js';
import type { Access } from '../rules/access.js';
import { Admission } from '../sockets/admission.js';
import { handshakeWith, tokenIn } from './connection-params.js';
import type { MercuriusConnection, MercuriusHooks, MercuriusOptions } from './hooks.js';
import type { OwnHooks, SubscriptionHooks, WsExtra } from './hooks.js';
import { closeCodeOf, TOO_MANY_INITS } from './close-codes.js';
import { handshakeAccess } from './handshake-access.js';
import { INIT_WAIT_MS, initDeadline } from './init-deadline.js';
import { OpenSubscriptions } from './open-subscriptions.js';
import { endWith, isSubscription, watchSubscriptions } from './subscription-end.js';

const MAX_BUFFERED_BYTES = 1024 * 1024;

/** A connection, and whom it is for; absent: nobody. */
interface Client {
  readonly socket: WsSocket;
  readonly handshake: IncomingMessage;
  readonly connection: LiveConnection | undefined;
  readonly subscriptions: OpenSubscriptions;
}

/**
 * Checks the connections that GraphQL subscriptions come by. `connection_init` is authorised by the cookie, if a page of
 * our own origin or of `allowedOrigins` asks, or by `connectionParams: { authorization: 'Bearer …' }`. Each operation is
 * checked by the decorators of its handlers. A connection whose session ends is closed with 4401, one whose user is
 * blocked with 4403; a subscription whose own requirements are no longer met ends with an error whose `extensions.code`
 * says why. A `ping` with the payload `{ authorization: 'Bearer …' }` renews the token.
 * @example
 * ```ts
 * const graphql = GraphQLModule.forRootAsync<ApolloDriverConfig>({
 *   driver: ApolloDriver,
 *   inject: [GraphqlSubscriptions],
 *   useFactory: (subscriptions: GraphqlSubscriptions) => ({
 *     autoSchemaFile: true,
 *     subscriptions: { 'graphql-ws': subscriptions.graphqlWs() },
 *   }),
 * });
 * ```
 * @publicApi
 */
@Injectable()
export class GraphqlSubscriptions implements OnApplicationBootstrap {
  private readonly logger = new Logger('SessionModule');
  private readonly admission: Admission;
  private readonly clients = new WeakMap<object, Client>();
  /** Whoever has begun: a second `connection_init` would be somebody else's, beside the operations of the first. */
  private readonly begun = new WeakSet<object>();
  private handshake: Access | undefined;

  /** @internal */
  constructor(
    private readonly connections: LiveConnections,
    private readonly accesses: AccessReader,
    private readonly transport: SessionTransport,
    private readonly host: HttpAdapterHost,
    private readonly modules: ModuleRef,
    all: ModulesContainer,
    failedTokens: FailedTokens,
    ip: IpPolicy,
    quotas: RequestQuotas,
    @Inject(SESSION_SETTINGS) settings: SessionSettings,
  ) {
    // Of this SessionModule: asked for by their names alone, they might be those of another one.
    this.admission = new Admission({ connections, transport, failedTokens, ip, quotas, settings });
    watchSubscriptions(all);
  }

  /**
   * The options of `subscriptions: { 'graphql-ws': … }` of Nest's Apollo drivers.
   * @param own other options of graphql-ws; its hooks are called after ours
   */
  graphqlWs<Own extends object = object>(own?: Own): Omit<Own, keyof SubscriptionHooks> & SubscriptionHooks {
    const hooks: OwnHooks = own ?? {};
    const onConnect: SubscriptionHooks['onConnect'] = async (context) => {
      const { socket, request } = context.extra as WsExtra;
      if (!(await this.connect(socket, request, context.connectionParams))) return false;
      return hooks.onConnect?.(context);
    };
    const onPing: SubscriptionHooks['onPing'] = async (context, payload) => {
      await this.renew((context.extra as WsExtra).request, payload);
      await hooks.onPing?.(context, payload);
    };
    return { ...(own as Own), onConnect: markedAsOurs(onConnect), onPing };
  }

  /**
   * The option `subscription` of Nest's Mercurius driver, or a part of it. A new token needs a new connection there.
   * @param options a bound for `connection_init`, for which Mercurius itself waits for ever
   */
  mercurius({ connectionInitWaitTimeout = INIT_WAIT_MS }: MercuriusOptions = {}): MercuriusHooks {
    const { logger } = this;
    const connect = this.connect.bind(this);
    const onConnect = async function (this: unknown, message: unknown): Promise<boolean> {
      const { socket, context } = this as MercuriusConnection;
      const handshake = context?.request?.raw;
      if (handshake) return connect(socket, handshake, (message as { payload?: unknown } | null)?.payload);
      logger.error(new Error('This version of Mercurius shows no connection to onConnect'));
      return false;
    };
    const verifyClient = initDeadline((handshake) => this.begun.has(handshake), connectionInitWaitTimeout);
    return { onConnect: markedAsOurs(onConnect), verifyClient };
  }

  /** Nest's server of subscriptions takes the upgrades of its own path, and leaves the sockets of others as they are. */
  onApplicationBootstrap(): void {
    const server = this.host.httpAdapter?.getHttpServer() as Server | undefined;
    server?.prependListener('upgrade', (_request, socket: Socket) => {
      survive(socket);
      destroyUnlessAnswered(socket);
    });
  }

  private async connect(socket: WsSocket, handshake: IncomingMessage, params: unknown): Promise<boolean> {
    if (this.begun.has(handshake)) {
      closeFirmly(socket, TOO_MANY_INITS, 'Too many initialisation requests');
      return false;
    }
    this.begun.add(handshake);
    try {
      const standIn = handshakeWith(handshake, params);
      let token: string | undefined;
      const connection = await this.admission.ofHandshake(
        {
          handshake: standIn,
          readCredentials: (settings) => {
            const credentials = readCredentials(standIn, settings);
            token = credentials.token;
            return credentials;
          },
          isGone: () => !isOpen(socket),
          onceGone: (callback) => void socket.on('close', callback),
        },
        (this.handshake ??= handshakeAccess(this.modules, this.accesses)),
      );
      this.adopt({ socket, handshake, connection, subscriptions: new OpenSubscriptions(token) });
      return true;
    } catch (error) {
      this.refuse(socket, error);
      return false;
    }
  }

  private adopt(client: Client): void {
    const { socket, handshake, connection } = client;
    this.clients.set(handshake, client);
    dropWhenSlow(socket, MAX_BUFFERED_BYTES);
    if (connection) {
      // What is dropped, nobody is told of: servers of GraphQL would take it for a fault of theirs.
      sendThrough(socket, ({ deliver, bytes }) => connection.deliver({ deliver, bytes }));
      connection.open(({ code, closeCode }) => closeFirmly(socket, closeCode, code));
    }
    socket.on('close', () => client.subscriptions.closed());
    const checks = new WeakMap<object, MessageCheck>();
    checkOperations(handshake, (field) => {
      const check =
        checks.get(field) ??
        new MessageCheck((handler, resolver) => this.permit(client, field, { handler, resolver }));
      checks.set(field, check);
      return check;
    });
  }

  private async permit(
    client: Client,
    field: object,
    { handler, resolver }: { readonly handler: Function; readonly resolver: Function },
  ): Promise<void> {
    const { socket, handshake, connection, subscriptions } = client;
    if (!this.accesses.owns(resolver))
      throw new SessionError('forbidden', { detail: 'The connection belongs to another SessionModule' });
    const access = this.accesses.of(handler, resolver);
    await this.admission.permit({ handshake, connection }, access, field);
    const isItsOwn = access.mode === 'guarded' && access.requirements !== this.accesses.sessionOnly;
    if (!isSubscription(handler)) return;
    const register = (token: string | undefined): Promise<LiveConnection> =>
      this.connections.register({
        token,
        requirements: access.requirements,
        clientIp: this.transport.clientIp(handshake),
        isGone: () => !isOpen(socket),
      });
    endWith(field, () => subscriptions.begin(connection && isItsOwn ? register : undefined));
  }

  private async renew(handshake: IncomingMessage, payload: unknown): Promise<void> {
    const token = tokenIn(payload);
    const client = this.clients.get(handshake);
    if (token === undefined || !client?.connection) return;
    try {
      await client.connection.renew(token);
      // Of two at once the connection keeps one.
      await client.subscriptions.renew(client.connection.token);
    } catch (error) {
      this.refuse(client.socket, error);
    }
  }

  private refuse(socket: WsSocket, error: unknown): void {
    const known =
      error instanceof SessionError ? error : new SessionError('session_store_unavailable', { cause: error });
    if (known !== error) this.logger.error(error);
    closeFirmly(socket, closeCodeOf(known), known.code);
  }
}

function markedAsOurs<Hook extends Function>(hook: Hook): Hook {
  return Object.assign(hook, { [CHECKS_SOCKETS]: true });
}
