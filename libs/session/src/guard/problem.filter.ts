import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { SessionError } from '../model/session-error.js';
import { sendJson, type HttpRequest, type HttpResponse } from '../contexts/http/http.js';
import { answerRpc, type RpcError } from '../contexts/rpc/answer.js';
import { emitAtOnce } from '../contexts/socket.io/gate.js';
import { sendAtOnce } from '../contexts/ws/ws.js';
import { contextOfType, type ContextRules } from '../handlers/contexts.js';
import { problemHeaders, toProblem } from './problem.js';
import { showWayOut } from '../contexts/http/way-out.js';

const LOG_INTERVAL_MS = 10_000;

/** A client of a gateway: of the package `ws`, or of socket.io. */
interface MessageClient {
  readonly readyState?: unknown;
  send?(data: string): void;
  emit?(event: string, data: unknown): unknown;
}

/**
 * Answers every `SessionError` in the form of where it was thrown. HTTP: `application/problem+json`. Microservices: an
 * error `{ status: 'error', code, message, statusCode, … }`; gRPC: a status, with that error in its metadata. WebSocket:
 * the event `exception` with the problem. GraphQL: an error whose `extensions` are the problem. Whatever else there is
 * gets the error itself, which is an `HttpException`. `SessionModule` registers the filter; `toProblem` and
 * `problemHeaders` let a filter of your own answer alike.
 * @example
 * ```ts
 * export class LoggingProblemFilter extends ProblemFilter {
 *   override catch(error: SessionError, host: ArgumentsHost) {
 *     console.log(error.code);
 *     return super.catch(error, host);
 *   }
 * }
 * ```
 * @publicApi
 */
@Catch(SessionError)
export class ProblemFilter implements ExceptionFilter<SessionError> {
  private readonly logger = new Logger('SessionModule');
  private lastLoggedAt = -Infinity;

  catch(error: SessionError, host: ArgumentsHost): void | Observable<never> {
    if (error.statusCode >= 500) this.log(error);
    return ANSWERS[contextOfType(host.getType<string>())?.answer ?? 'rethrow'](error, host);
  }

  /** One line in ten seconds at most: with Redis down, every request comes by here. */
  private log({ code, cause }: SessionError): void {
    const now = performance.now();
    if (now - this.lastLoggedAt < LOG_INTERVAL_MS) return;
    this.lastLoggedAt = now;
    this.logger.error(`${code}: ${cause instanceof Error ? cause.message : 'no cause given'}`);
  }
}

type Answer = (error: SessionError, host: ArgumentsHost) => void | Observable<never>;

const ANSWERS: Readonly<Record<ContextRules['answer'], Answer>> = {
  response: answerRequest,
  exception_event: answerMessage,
  rpc_error: (error, host) => answerRpc(host.getArgs(), rpcErrorOf(error)),
  graphql_error: (error) => {
    throw graphqlError(error);
  },
  rethrow: (error) => {
    throw error;
  },
};

function answerRequest(error: SessionError, host: ArgumentsHost): void {
  const request = host.getArgByIndex<HttpRequest>(0);
  const response = host.getArgByIndex<HttpResponse>(1);
  showWayOut(response, error);
  sendJson(response, error.statusCode, { headers: problemHeaders(error, request), body: toProblem(error) });
}

/**
 * The same error, but for what drivers would make of it: Apollo's replaces the code by that of an `HttpException`'s status,
 * and shows its stack.
 */
function graphqlError(error: SessionError): SessionError {
  return Object.create(error, {
    response: { value: undefined },
    extensions: { value: toProblem(error) },
    stack: { value: `${error.name}: ${error.message}` },
  }) as SessionError;
}

/** The error as clients of microservices get it. */
export function rpcErrorOf(error: SessionError): RpcError {
  const { code, detail, status: statusCode, block, 'violated-policies': violated } = toProblem(error);
  return {
    status: 'error',
    code,
    message: detail,
    statusCode,
    ...(block ? { block } : {}),
    ...(violated ? { 'violated-policies': violated } : {}),
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
  };
}

function answerMessage(error: SessionError, host: ArgumentsHost): void {
  const client = host.getArgByIndex<MessageClient>(0);
  const data = toProblem(error);
  // Clients of `ws` have an `emit` too, which stays in this process.
  if (typeof client.readyState === 'number') sendAtOnce(client, JSON.stringify({ event: 'exception', data }));
  else emitAtOnce(client, 'exception', data);
}
