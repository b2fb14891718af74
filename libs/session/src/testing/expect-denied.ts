import { AssertionError } from 'node:assert';
import { ERROR_CODES, type SessionErrorCode } from '../model/error-codes.js';
import type { Problem } from '../model/problem.js';

/**
 * A reply as `expectDenied()` takes it: of `fetch`, of supertest, or of Fastify's `inject`.
 * @publicApi
 */
export interface DeniedResponse {
  /** Status of `fetch` and supertest. */
  readonly status?: number;
  /** Status of `inject`. */
  readonly statusCode?: number;
  /** Parsed body of supertest. */
  readonly body?: unknown;
  /** Body of `fetch` and `inject`. */
  json?(): unknown;
}

/**
 * That a request was refused for one reason: the status of its code, and the code in the body, or in GraphQL's first error.
 * @param response the reply, or a promise of it, such as supertest's request; of `fetch` it reads the body
 * @param code the reason, as in the table of error codes
 * @returns the body, for what else is in it
 * @throws AssertionError that shows the reply; works with any test runner
 * @example
 * ```ts
 * await expectDenied(fetch(`${url}/me`), 'session_missing');
 * const { block } = await expectDenied(supertest(url).get('/me').auth(token, { type: 'bearer' }), 'user_blocked');
 * ```
 * @publicApi
 */
export async function expectDenied(
  response: DeniedResponse | PromiseLike<DeniedResponse>,
  code: SessionErrorCode,
): Promise<Problem> {
  const { status: expected } = ERROR_CODES[code];
  const reply = await response;
  const status = reply.status ?? reply.statusCode;
  const body = await bodyOf(reply);
  const problem = problemIn(body);
  const found = problem?.code;
  // GraphQL servers answer 200, and say more in the problem.
  const isStatus = (problem === body ? status : problem?.status) === expected;
  if (isStatus && found === code) return problem as Problem;
  throw new AssertionError({
    message: `Expected ${expected} ${code}, not ${status} ${JSON.stringify(body)}`,
    actual: { status, code: found },
    expected: { status: expected, code },
    operator: 'expectDenied',
    stackStartFn: expectDenied,
  });
}

/** The body, or of a GraphQL reply what its first error has. */
function problemIn(body: unknown): Partial<Problem> | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { errors } = body as { readonly errors?: readonly { readonly extensions?: Partial<Problem> }[] };
  return Array.isArray(errors) ? errors[0]?.extensions : body;
}

async function bodyOf(reply: DeniedResponse): Promise<unknown> {
  // Of fetch, `body` is a stream.
  if (typeof reply.json !== 'function') return reply.body;
  try {
    return await reply.json();
  } catch {
    return undefined; // no JSON
  }
}
