import passport from 'passport';
import { privateSlot } from '../basics/private-slot.js';
import { type HttpRequest, type HttpResponse, isHeadSent } from '../contexts/http/http.js';
import { requestAccessOf } from '../guard/calls/request-access.js';
import type { SessionTransport } from '../guard/session-transport.js';
import type { SessionService } from '../services/sessions/session.service.js';

type Done = (error?: unknown) => void;

/**
 * `request.logOut()` and `request.logout()`: ends the session that the request was let in with, on every node, and takes
 * its cookies back; with a callback as Passport's own, or without one as a promise. A session of Passport's own, by
 * `express-session`, ends with it.
 * @throws SessionError `session_store_unavailable`: then the session goes on; Error where no guard let a session in
 * @example
 * `@Post('logout') async logOut(@Req() request: LatchkeyRequest) { await request.logOut(); }`
 * @publicApi
 */
export interface LogOut {
  /** Resolves when no node accepts the session any more. */
  (): Promise<void>;
  /** Calls back then, without an argument, or with the error. */
  (done: (error?: unknown) => void): void;
  /** @param options Passport's, for a session of its own: `keepSessionInfo` */
  (options: object, done: (error?: unknown) => void): void;
  /** @param options Passport's, for a session of its own: `keepSessionInfo` */
  (options: object): Promise<void>;
}

interface PassportRequest {
  user?: unknown;
  readonly session?: unknown;
  /** Express's. */
  readonly res?: HttpResponse;
}

interface LogOutParts {
  readonly sessions: SessionService;
  readonly transport: SessionTransport;
}

/** What Passport gives a request that has nothing of the name yet. */
const passportsOwn: { logOut?: (this: unknown, options: object, done: Done) => void } = {};
(passport.initialize({ compat: false }) as (request: object, response: object, next: Done) => void)(
  passportsOwn,
  {},
  () => undefined,
);

const replies = privateSlot<HttpResponse>();

/** Gives every request of an app `logOut`: on Express by their common prototype, at no cost for a request. */
export function installLogOut(
  adapter: { getType?(): string; getInstance(): unknown } | undefined,
  parts: LogOutParts,
): void {
  const type = adapter?.getType?.();
  const logOut = logOutWith(parts);
  if (type === 'express') {
    const express = adapter?.getInstance() as { readonly request?: object } | undefined;
    if (express?.request) Object.assign(express.request, { logOut, logout: logOut });
  } else if (type === 'fastify') {
    installOnFastify(adapter?.getInstance() as FastifyInstance, logOut);
  }
}

interface FastifyInstance {
  hasRequestDecorator(name: string): boolean;
  decorateRequest(name: string, value: unknown): void;
  addHook(name: 'onRequest', hook: (request: object, reply: HttpResponse, done: () => void) => void): void;
}

function installOnFastify(fastify: FastifyInstance, logOut: LogOut): void {
  for (const name of ['logOut', 'logout'])
    if (!fastify.hasRequestDecorator(name)) fastify.decorateRequest(name, logOut);
  // Its requests do not know their reply.
  fastify.addHook('onRequest', (request, reply, done) => {
    replies.set(request, reply);
    done();
  });
}

function logOutWith(parts: LogOutParts): LogOut {
  function logOut(this: HttpRequest, ...given: [(object | Done)?, Done?]): Promise<void> | undefined {
    const [first, second] = given;
    const done = typeof first === 'function' ? (first as Done) : second;
    const options = typeof first === 'object' ? first : {};
    const ending = endSessions(this, options, parts);
    if (done === undefined) return ending;
    // What the callback throws must not look like a failure to log out.
    ending.then(
      () => process.nextTick(done),
      (error: unknown) => process.nextTick(done, error),
    );
    return undefined;
  }
  return logOut as LogOut;
}

async function endSessions(
  request: HttpRequest,
  options: object,
  { sessions, transport }: LogOutParts,
): Promise<void> {
  const ofPassport = request as PassportRequest;
  const record = requestAccessOf(request, transport);
  const session = typeof record?.admitted === 'object' ? record.admitted.session : undefined;
  const isNobody = session === undefined && record?.access?.mode === 'optional';
  const hasOther = typeof ofPassport.session === 'object' && ofPassport.session !== null;
  if (session === undefined && !isNobody && !hasOther) {
    throw new Error(
      "logOut() on a request that no guard let in with a session: put SessionGuard or AuthGuard('latchkey') before the handler",
    );
  }
  if (session) await sessions.revoke(session.userId, session.id, 'logout');
  const response = ofPassport.res ?? replies.get(request);
  if (response && !isHeadSent(response) && (session || isNobody)) transport.clearCookie(response);
  ofPassport.user = null;
  if (hasOther) await endPassports(request, options);
}

function endPassports(request: HttpRequest, options: object): Promise<void> {
  return new Promise((resolve, reject) => {
    passportsOwn.logOut?.call(request, options, (error) => {
      if (error)
        reject(error instanceof Error ? error : new Error('Passport did not log out', { cause: error }));
      else resolve();
    });
  });
}
