import type { TransportSettings } from '../../options/settings.js';
import { normaliseIp } from '../../rules/ip-address.js';
import { forwardedParameter, trustRule } from './client-ip.js';
import {
  headerOf,
  hostOf,
  type NodeRequest,
  originOf,
  peerAddressOf,
  requestedOriginOf,
  schemeOf,
} from './http.js';

/**
 * How to find our own origin as browsers see it: `publicOrigin`, else what the request was sent to. Of a proxy that ends
 * TLS, only one that is trusted is believed, and of what it wrote only the last entry, which is its own.
 * `undefined`: not to be known.
 */
export function ownOriginResolver({
  publicOrigin,
  trustProxy,
  forwardedHeader,
}: Pick<TransportSettings, 'publicOrigin' | 'trustProxy' | 'forwardedHeader'>): (
  request: NodeRequest,
) => string | undefined {
  if (publicOrigin !== undefined) return () => publicOrigin;
  if (trustProxy === undefined) return requestedOriginOf;
  const isTrusted = trustRule(trustProxy);
  const read = forwardedHeader === 'forwarded' ? readForwarded : readXForwarded;
  return (request) => {
    if (!isTrusted(normaliseIp(peerAddressOf(request)), 0)) return requestedOriginOf(request);
    const { proto = schemeOf(request), host = hostOf(request) } = read(request);
    return /^https?$/i.test(proto) ? originOf(proto.toLowerCase(), host) : undefined;
  };
}

interface Forwarded {
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

function readForwarded(request: NodeRequest): Forwarded {
  const element = lastOf(headerOf(request.headers, 'forwarded')) ?? '';
  return { proto: forwardedParameter(element, 'proto'), host: forwardedParameter(element, 'host') };
}

function readXForwarded({ headers }: NodeRequest): Forwarded {
  return {
    proto: lastOf(headerOf(headers, 'x-forwarded-proto')),
    host: lastOf(headerOf(headers, 'x-forwarded-host')),
  };
}

function lastOf(list: string | undefined): string | undefined {
  return list?.slice(list.lastIndexOf(',') + 1).trim();
}
