import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import {
  asksForWebSocket,
  destroyUnlessAnswered,
  ignoreUpgrade,
  isAwaitingReply,
  refuseUpgrade,
  survive,
  upgradePathOf,
} from '../contexts/ws/upgrade.js';
import type { WsServer } from '../contexts/ws/ws.js';

/** Node asks this since version 24.9, and then goes on itself with what is no upgrade. */
type AskingServer = Server & { shouldUpgradeCallback?: (request: IncomingMessage) => boolean };

/** The upgrades of one HTTP server: to the gateway whose path they are for, and everything else to a civil end. */
export class Upgrades {
  private readonly listener = (request: IncomingMessage, socket: Socket, head: Buffer): void =>
    this.handle(request, socket, head);
  private readonly formerly: AskingServer['shouldUpgradeCallback'];

  /**
   * @param gatewayAt what serves a path
   * @param onFault is told of what should not happen
   */
  constructor(
    private readonly server: AskingServer,
    private readonly gatewayAt: (path: string) => WsServer | undefined,
    private readonly onFault: (error: unknown) => void,
  ) {
    server.on('upgrade', this.listener);
    this.formerly = server.shouldUpgradeCallback;
    if (this.formerly) {
      server.shouldUpgradeCallback = (request) =>
        asksForWebSocket(request) || (this.isNotAlone && this.formerly?.call(server, request) === true);
    }
  }

  /** From here on, requests for upgrades are requests like any other. */
  end(): void {
    this.server.off('upgrade', this.listener);
    if (this.formerly) this.server.shouldUpgradeCallback = this.formerly;
  }

  private get isNotAlone(): boolean {
    return this.server.listenerCount('upgrade') > 1;
  }

  private handle(request: IncomingMessage, socket: Socket, head: Buffer): void {
    survive(socket);
    if (isAwaitingReply(socket)) {
      socket.destroy(); // whatever is written now would be taken for the reply to an earlier request
      return;
    }
    const isForWebSocket = asksForWebSocket(request);
    const path = isForWebSocket ? upgradePathOf(request) : undefined;
    const gateway = path === undefined ? undefined : this.gatewayAt(path);
    if (gateway) this.delegate(gateway, request, socket, head);
    // Somebody else who listens may know the protocol or the path.
    else if (this.isNotAlone) destroyUnlessAnswered(socket);
    else if (!isForWebSocket) ignoreUpgrade(this.server, request, socket, head);
    else refuseUpgrade(socket, path === undefined ? 400 : 404);
  }

  private delegate(gateway: WsServer, request: IncomingMessage, socket: Socket, head: Buffer): void {
    try {
      gateway.handleUpgrade(request, socket, head, (client) => gateway.emit('connection', client, request));
    } catch (error) {
      this.onFault(error);
      refuseUpgrade(socket, 500);
    }
  }
}
