import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { wrong } from '../../basics/inputs.js';
import { fieldOf, graphqlCallOf } from '../../contexts/graphql/graphql.js';
import type { GuardedCall, ReadCall } from '../../contexts/http/guarded-call.js';
import type { HttpRequest, HttpResponse } from '../../contexts/http/http.js';
import { rpcCallOf } from '../../contexts/rpc/message.js';
import { CONTEXTS, type GuardedContext, REQUEST_TYPE } from '../../handlers/contexts.js';
import type { ContextCall, ContextReader } from '../../options/context-reader.js';
import { SESSION_SETTINGS } from '../../options/injection-keys.js';
import type { SessionSettings } from '../../options/settings.js';
import { type RequestAccess, requestAccessOf } from './request-access.js';

const READERS: Readonly<Record<GuardedContext, ReadCall>> = {
  http: ([request, response]) => ({ request: request as HttpRequest, response: response as HttpResponse }),
  graphql: graphqlCallOf,
  rpc: rpcCallOf,
};

/** Reads the calls of every context that `SessionGuard` serves, those of the app's own included. */
@Injectable()
export class Calls {
  private readonly ofApp: ReadonlyMap<string, ReadCall>;

  constructor(@Inject(SESSION_SETTINGS) { contexts }: Pick<SessionSettings, 'contexts'>) {
    this.ofApp = new Map(contexts.map((reader) => [reader.type, reading(reader)]));
  }

  /** The call that a guard is asked about; `undefined` where nothing tells whose it is. */
  of(context: ExecutionContext, type: string): GuardedCall | undefined {
    const read = Object.hasOwn(READERS, type) ? READERS[type as GuardedContext] : this.ofApp.get(type);
    return read?.(context.getArgs());
  }
}

/** What the app's own contexts show, a cookie as at a handshake: nothing is known of how it comes there. */
function reading({ type, callOf }: ContextReader): ReadCall {
  return (args) => {
    const call = callOf(args);
    if (call === undefined) return undefined;
    const { request, unit } = Object(call) as Partial<ContextCall>;
    const isSound = typeof request?.headers === 'object' && args.includes(unit);
    if (!isSound || !unit)
      throw wrong(`contexts: callOf() of '${type}'`, 'a request, and a unit among its arguments', call);
    // Node's and Fastify's requests have their headers from their prototypes, which a copy has not.
    const { headers, socket = {} } = request;
    return { request: { ...request, headers, socket } as HttpRequest, unit, isUnsafe: true };
  };
}

/** What became of the call that a handler runs for. @param realm by which `SessionModule`; absent: by the last one */
export function accessOfCall(context: ExecutionContext, realm?: object): RequestAccess | undefined {
  const type = context.getType<string>();
  if (type === REQUEST_TYPE) return requestAccessOf(context.getArgByIndex(0), realm);
  if (type === CONTEXTS.graphql.type) return requestAccessOf(fieldOf(context.getArgs()), realm);
  // Elsewhere it stands beside whichever argument is the unit of the call: the client, the message.
  for (const argument of context.getArgs<object[]>()) {
    const access = requestAccessOf(argument, realm);
    if (access) return access;
  }
  return undefined;
}
