import type { IncomingMessage, Server, ServerResponse } from 'node:http';
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
  private readonly underWay = new Set<ServerResponse>();
  private isClosing = false;

  constructor(private readonly host: HttpAdapterHost) {}

  onApplicationBootstrap(): void {
    this.server()?.prependListener('request', this.onRequest);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    const server = this.server();
    if (!server?.listening) return;
    for (const response of this.underWay) announceClose(response);
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

  private readonly onRequest = (_request: IncomingMessage, response: ServerResponse): void => {
    if (this.isClosing) announceClose(response);
    this.underWay.add(response);
    response.once('close', () => this.underWay.delete(response));
  };
}

/** A client that is told so does not send its next request into a connection that is about to close. */
function announceClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
