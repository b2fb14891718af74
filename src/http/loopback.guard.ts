import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { SessionTransport } from '@latchkey/session';
import type { Request } from 'express';
import { Problem } from '../problem/problem.js';

const LOOPBACK_ADDRESS = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i;
/** A page whose own name was made to point here says that name. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/**
 * Lets requests in that come from this machine: by the address of the socket, which nobody can make up, and by the client
 * IP as well, where a trusted proxy on this machine tells another. Everybody else is told that there is nothing.
 */
@Injectable()
export class LoopbackGuard implements CanActivate {
  constructor(private readonly transport: SessionTransport) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const addresses = [request.socket.remoteAddress, this.transport.clientIp(request)];
    const isLocal = addresses.every((address) => LOOPBACK_ADDRESS.test(address ?? ''));
    if (!isLocal || !LOOPBACK_HOST.test(request.headers.host ?? '')) throw new Problem('not_found');
    return true;
  }
}
