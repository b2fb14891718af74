import type { IncomingMessage } from 'node:http';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import { forgetCredentials, readIoCredentials } from '../contexts/socket.io/credentials.js';
import { placeGate } from '../contexts/socket.io/gate.js';
import {
  connectionOf,
  cut,
  type IoConnection,
  type IoNamespace,
  type IoServer,
  type IoSocket,
} from '../contexts/socket.io/io.js';
import { toProblem } from '../guard/problem.js';
import { SessionError } from '../model/session-error.js';
import { Admission, admissionParts, type AdmissionParts, type Sender } from '../sockets/admission.js';
import type { Gateways } from '../sockets/gateways.js';
import { IoClientState } from './clients.js';

/** A socket that was let into its namespace. */
export interface AdmittedSocket extends Sender {
  readonly socket: IoSocket;
  readonly gateways: Gateways;
}

/** Lets clients into namespaces, by the decorators of the gateway there; into what has none, nobody. */
export class Namespaces {
  private readonly logger = new Logger('SessionModule');
  private readonly parts: AdmissionParts;
  private readonly admission: Admission;
  private readonly claims = new WeakMap<IoNamespace, Gateways>();
  private readonly clients = new WeakMap<IoConnection, IoClientState>();
  private readonly admitted = new WeakMap<IoSocket, AdmittedSocket>();

  constructor(
    app: INestApplicationContext,
    private readonly onOpen: (admitted: AdmittedSocket) => void,
  ) {
    this.parts = admissionParts(app);
    this.admission = new Admission(this.parts);
  }

  /** From here on, nobody gets into a namespace of this server but by `claim`. */
  guard(server: IoServer): void {
    const refuseUnclaimed = (namespace: IoNamespace): void =>
      void namespace.use((socket, next) => {
        // A namespace of a regular expression's has that one's middleware before this.
        if (this.claims.has(namespace) || this.admitted.has(socket)) next();
        else next(refusalOf(new SessionError('forbidden', { detail: 'No gateway serves this namespace' })));
      });
    refuseUnclaimed(server.of('/'));
    server.on('new_namespace', refuseUnclaimed);
    server.engine.on('connection', (connection) => void this.clientOf(connection));
    server.engine.use((request, _response, next) => {
      const connection = connectionOf(server, request);
      next(connection && this.hasMoved(connection, request) ? new Error('Another address') : undefined);
    });
  }

  /**
   * Whether a request of a connection comes from elsewhere than its handshake, where somebody goes by that. A connection by
   * polling outlives the way that it came by: out of the office, it would have to end, as a WebSocket does.
   */
  private hasMoved(connection: IoConnection, request: IncomingMessage): boolean {
    const { handshake, isBound } = this.clientOf(connection);
    if (!isBound || !handshake) return false;
    const { transport } = this.parts;
    return transport.clientIp(request) !== transport.clientIp(handshake);
  }

  claimantOf(namespace: IoNamespace): Gateways | undefined {
    return this.claims.get(namespace);
  }

  /** Lets those into a namespace whom its gateways let in. */
  claim(namespace: IoNamespace, gateways: Gateways): void {
    this.claims.set(namespace, gateways);
    namespace.use((socket, next) => {
      this.admit(socket, gateways)
        .then(
          () => next(),
          (error: unknown) => next(this.refusal(error)),
        )
        .catch((error: unknown) => {
          this.logger.error(error); // middleware of the app's own, which comes after this
          cut(socket.client.conn);
        });
    });
    namespace.on('connection', (socket) => {
      const admitted = this.admitted.get(socket);
      if (!admitted) socket.disconnect();
      // A namespace that a regular expression is for, too, has a listener for each.
      else if (admitted.gateways === gateways) this.onOpen(admitted);
    });
  }

  async permit(
    sender: AdmittedSocket,
    handler?: Function,
    gateway?: Function,
    message?: object,
  ): Promise<void> {
    const access = handler && gateway && sender.gateways.accessTo(handler, gateway);
    await this.admission.permit(sender, access, message);
  }

  private async admit(socket: IoSocket, gateways: Gateways): Promise<void> {
    if (this.admitted.has(socket)) return;
    const client = this.clientOf(socket.client.conn);
    const { handshake } = client;
    const joined = handshake && client.join(socket.nsp.name);
    if (!joined) throw new SessionError('bad_request');
    let forget = (): void => undefined;
    try {
      if (client.isFull) throw new SessionError('too_many_connections');
      const connection = await this.admission.ofHandshake(
        {
          handshake,
          readCredentials: (settings) => readIoCredentials(handshake, socket.handshake.auth, settings),
          isGone: () => client.isGone,
          onceGone: (callback) => (forget = client.onceGone(callback)),
        },
        gateways.handshake,
      );
      const { transport, ipPolicy } = this.parts.settings;
      forgetCredentials(socket, transport, gateways.handshake.mode !== 'public');
      this.admitted.set(socket, { socket, handshake, connection, gateways });
      const unbind = client.bind(
        () =>
          gateways.hasIpLists ||
          (connection !== undefined &&
            (ipPolicy.roles.length > 0 || connection.user.ipAllowlist !== undefined)),
      );
      const leave = (): void => {
        unbind();
        forget();
        connection?.closed();
      };
      socket.once('disconnect', leave);
      placeGate(socket, {
        pass: (delivery) => (connection ? connection.deliver(delivery) : delivery.deliver()),
        onRefused: leave,
      });
    } catch (error) {
      forget(); // a client may knock as often as it likes
      throw error;
    } finally {
      joined();
    }
  }

  private clientOf(connection: IoConnection): IoClientState {
    const known = this.clients.get(connection);
    if (known) return known;
    const client = new IoClientState(connection);
    this.clients.set(connection, client);
    return client;
  }

  private refusal(error: unknown): Error {
    if (error instanceof SessionError) return refusalOf(error);
    this.logger.error(error);
    return refusalOf(new SessionError('session_store_unavailable', { cause: error }));
  }
}

/** An error as socket.io hands it to the client: its message, and `data`. */
function refusalOf(error: SessionError): Error {
  return Object.assign(new Error(error.title), { data: toProblem(error) });
}
