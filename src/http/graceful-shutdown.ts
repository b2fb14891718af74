import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** How long requests that are under way may take to end. */
const PATIENCE_MS = 8_000;
const SWEEP_MS = 25;

/**
 * Stops accepting, lets the requests that are under way end, and closes each connection as soon as it is idle; what is
 * still busy after 8 s is cut. Without this, an idle keep-alive connection could hold up the end of the process.
 */
@Injectable()
export class GracefulShutdown implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** By connection: Node tells nothing to a response that waits behind another when the client leaves. */
  private readonly underWay = new Map<Socket, Set<ServerResponse>>();
  private isClosing = false;

  constructor(private readonly host: HttpAdapterHost) {}

  onApplicationBootstrap(): void {
    this.server()?.prependListener('request', this.onRequest);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    const server = this.server();
    if (!server?.listening) return;
    for (const response of this.responses()) announceClose(response);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
    const cut = setTimeout(() => server.closeAllConnections(), PATIENCE_MS);
    await closed;
    clearInterval(sweep);
    clearTimeout(cut);
  }

  private server(): Server | undefined {
    return this.host.httpAdapter?.getHttpServer() as Server | undefined;
  }

  /** Those that are under way. */
  responses(): ServerResponse[] {
    return [...this.underWay.values()].flatMap((ofConnection) => [...ofConnection]);
  }

  private readonly onRequest = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    if (this.isClosing) announceClose(response);
    const ofConnection = this.underWay.get(socket) ?? this.begin(socket);
    ofConnection.add(response);
    response.once('close', () => ofConnection.delete(response));
  };

  private begin(socket: Socket): Set<ServerResponse> {
    const ofConnection = new Set<ServerResponse>();
    this.underWay.set(socket, ofConnection);
    socket.once('close', () => this.underWay.delete(socket));
    return ofConnection;
  }
}

/** A client that is told so does not send its next request into a connection that is about to close. */
function announceClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
