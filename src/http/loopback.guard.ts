import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { Problem } from '../problem/problem.js';

const LOOPBACK_ADDRESS = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i;
/** A page whose own name was made to point here says that name. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;
/** What proxies say of whom they speak for. */
const FORWARDING =
  /^(?:forwarded|via|x-forwarded(?:-.+)?|x-original-forwarded-for|(?:x-real|x-client|x-cluster-client|true-client|fastly-client)-ip|cf-connecting-ip)$/;

/**
 * Lets requests in that come from this machine: by the address of the socket, which nobody can make up. To a proxy on this
 * machine everybody's requests owe that address, and their clients choose the host: what any proxy has passed on is refused,
 * whether `TRUST_PROXY` knows the proxy or not. Behind a `PUBLIC_ORIGIN` a proxy may say nothing of itself, so there nobody
 * is let in. Everybody else is told that there is nothing.
 */
@Injectable()
export class LoopbackGuard implements CanActivate {
  private readonly isServedByProxy: boolean;

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {
    const { publicOrigin } = config;
    this.isServedByProxy = publicOrigin !== undefined && !LOOPBACK_HOST.test(new URL(publicOrigin).host);
  }

  canActivate(context: ExecutionContext): boolean {
    const { socket, headers } = context.switchToHttp().getRequest<Request>();
    const isLocal =
      LOOPBACK_ADDRESS.test(socket.remoteAddress ?? '') && LOOPBACK_HOST.test(headers.host ?? '');
    if (!isLocal || this.isServedByProxy || this.isForwarded(headers)) throw new Problem('not_found');
    return true;
  }

  private isForwarded(headers: Request['headers']): boolean {
    return Object.keys(headers).some((name) => name === this.config.forwardedHeader || FORWARDING.test(name));
  }
}
