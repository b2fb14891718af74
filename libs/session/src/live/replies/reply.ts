import { Observable, type Observer, type Subscriber } from 'rxjs';
import { SessionError } from '../../model/session-error.js';
import { type ConnectionEnd, isDenial } from '../connection-end.js';
import type { LiveConnection } from '../live-connection.js';
import type { LiveCandidate, LiveConnections } from '../live-connections.js';

/** For how long after the check a reply may begin without another one, in milliseconds. */
const FIRST_VALUE_MS = 1_000;
/** What a value counts for that waits to be sent. */
const VALUE_BYTES = 1_024;

type Send = () => void;

/** What the client of a long reply is told at its end. */
export function endError({ code }: ConnectionEnd): SessionError {
  if (isDenial(code)) return new SessionError(code);
  return new SessionError('session_store_unavailable', { cause: new Error(`A reply was ended: ${code}`) });
}

/** The reply to a stream of requests, each value only while it is certain that the user may see it. */
export function followEagerly(source: Observable<unknown>, connection: LiveConnection): Observable<unknown> {
  return new Observable((client) => {
    connection.open((end) => client.error(endError(end)));
    const following = source.subscribe(passing(client, (send) => deliver(connection, send)));
    return () => {
      connection.closed();
      following.unsubscribe();
    };
  });
}

/**
 * Any other reply. Most are over with their first value, and cost nothing. One that goes on after it is a connection; one
 * that begins late is checked once more before it does.
 */
export function followLazily(
  source: Observable<unknown>,
  { connections, candidate }: { readonly connections: LiveConnections; readonly candidate: LiveCandidate },
): Observable<unknown> {
  return new Observable((client) => {
    const freshUntil = performance.now() + FIRST_VALUE_MS;
    const waiting: Send[] = [];
    let connection: LiveConnection | undefined;
    let looking: NodeJS.Immediate | undefined;
    let isFresh = true;
    let isOver = false;

    const sendWaiting = (): void => waiting.splice(0).forEach((send) => send());
    const register = async (): Promise<void> => {
      connection = await connections.register({ ...candidate, isGone: () => client.closed });
      connection.open((end) => client.error(endError(end)));
      for (const send of waiting.splice(0)) deliver(connection, send);
      if (client.closed) connection.closed();
    };
    // What the source does in one go is known by then.
    const look = (): void => {
      isFresh = false;
      const checking = isOver ? connections.checkOnce(candidate).then(sendWaiting) : register();
      checking.catch((error: unknown) => client.error(error));
    };
    const pass = (send: Send): void => {
      if (connection) return deliver(connection, send);
      isFresh &&= performance.now() < freshUntil;
      if (isFresh) send();
      else waiting.push(send);
      if (!client.closed) looking ??= setImmediate(look);
    };
    const following = source.subscribe(passing(client, pass, () => (isOver = true)));
    return () => {
      clearImmediate(looking);
      connection?.closed();
      following.unsubscribe();
    };
  });
}

/** What a client streams to a handler, which hears each value only while it is certain that the user may send it. */
export function gated(source: Observable<unknown>, connection: LiveConnection): Observable<unknown> {
  const { drainBuffer } = source as { drainBuffer?: () => void };
  const values = new Observable((handler) => {
    const hearing = source.subscribe(passing(handler, (send) => deliver(connection, send)));
    // What came while the guard checked. Nest asks for it when a promise of the handler is kept, which may wait for just that.
    drainBuffer?.();
    return hearing;
  });
  return Object.defineProperty(values, 'drainBuffer', { value: drainBuffer });
}

function deliver(connection: LiveConnection, send: Send): void {
  connection.deliver({ deliver: send, bytes: VALUE_BYTES });
}

function passing(
  client: Subscriber<unknown>,
  pass: (send: Send) => void,
  ended: Send = () => undefined,
): Observer<unknown> {
  return {
    next: (value) => pass(() => client.next(value)),
    error: (error: unknown) => {
      ended();
      pass(() => client.error(error));
    },
    complete: () => {
      ended();
      pass(() => client.complete());
    },
  };
}
