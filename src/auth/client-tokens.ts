import { Injectable } from '@nestjs/common';
import { type IssuedSession, SessionTransport } from '@latchkey/session';
import type { Request, Response } from 'express';
import type { TokensDto } from './auth.dto.js';

export type ClientTransport = 'cookie' | 'bearer';

/** One exchange with a client. */
export interface Exchange {
  readonly request: Request;
  readonly response: Response;
}

/** Hands tokens to clients in the way that each of them keeps them. */
@Injectable()
export class ClientTokens {
  constructor(private readonly transport: SessionTransport) {}

  /** How a request that the guard let in carried its token; one with both is refused before. */
  transportOf(request: Request): ClientTransport {
    return /^bearer(?: |$)/i.test(request.headers.authorization ?? '') ? 'bearer' : 'cookie';
  }

  /** @returns what belongs in the body: tokens only for bearer clients; others have them in their cookies */
  handOver({ request, response }: Exchange, issued: IssuedSession, to: ClientTransport): TokensDto {
    const { token, refreshToken } = issued;
    const expiresAt = new Date(issued.expiresAt).toISOString();
    if (to === 'bearer') return { token, refreshToken, expiresAt };
    this.transport.setCookie(request, response, issued);
    return { expiresAt };
  }

  /**
   * Takes the cookie back from a cookie client, and has a browser forget what it keeps of this origin (ASVS 14.3.1), also
   * in its other tabs, which are logged out by then. A bearer client keeps its token in the storage; a cookie beside it is
   * another session's.
   */
  takeBack({ request, response }: Exchange): void {
    const isCookie = this.transportOf(request) === 'cookie';
    if (isCookie) this.transport.clearCookie(response);
    response.set('Clear-Site-Data', isCookie ? '"cache", "cookies", "storage"' : '"cache", "storage"');
  }
}
