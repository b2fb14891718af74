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
    if (to === 'bearer') return { token, ...(refreshToken === undefined ? {} : { refreshToken }), expiresAt };
    this.transport.setCookie(request, response, issued);
    return { expiresAt };
  }

  /** Takes the cookie back from a cookie client. */
  takeBack({ request, response }: Exchange): void {
    if (this.transportOf(request) === 'cookie') this.transport.clearCookie(response);
  }
}
