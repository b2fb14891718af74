import type { INestApplicationContext } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { ERROR_CODES, type SessionErrorCode } from '../model/error-codes.js';
import { ComponentParts, type HeaderName, HEADERS, PROBLEM } from './components.js';
import { codesOf, hasQuotas, looksForSession } from './raised-codes.js';
import { securityOf } from './security.js';
import { handlersOf, type Served, servedBy } from './served.js';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;
type Responses = Operation['responses'];
type Response = NonNullable<Responses[string]>;

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'search', 'query'];
/** What is said of a request by a guard of ours; a handler's own 400 or 404 has a form of its own. */
const STATUSES = [401, 403, 429, 503];

/**
 * Adds to an OpenAPI document what the guards enforce, by the entries of `PolicyManifest`: security schemes, `security` of
 * each operation (`[]` of public ones), and the responses 401, 403, 429 and 503 with their headers, each where a guard
 * can give it. A response that an operation documents itself stays as it is; its `security` does not, unless the handler is
 * public and has a guard of yours. Handlers that are behind no guard of ours stay as they are. Several
 * `SessionModule`s in an app have schemes of their own.
 *
 * Call it once global prefix, versioning and global guards are set: in the factory that `SwaggerModule.setup` takes, as
 * here, that is always so.
 * @returns a new document; the given one is not changed
 * @throws SessionConfigurationError when the decorators on a handler contradict each other
 * @see OpenAPI 3.0 and 3.1, "Security Requirement Object"; RFC 9457, RFC 6750
 * @example
 * ```ts
 * const config = new DocumentBuilder().setTitle('My API').build();
 * SwaggerModule.setup('docs', app, () => documentSessions(app, SwaggerModule.createDocument(app, config)));
 * ```
 * @publicApi
 */
export function documentSessions(app: INestApplicationContext, document: OpenAPIObject): OpenAPIObject {
  const parts = new ComponentParts(document.components);
  const handlers = handlersOf(app);
  const paths = Object.entries(document.paths).map(([path, item]): [string, PathItem] => {
    const operations = Object.entries(item).map(([method, operation]) => {
      if (!METHODS.includes(method)) return [method, operation as unknown];
      const served = servedBy(handlers, method.toUpperCase(), path);
      return [method, documented(operation as Operation, { served, parts, version: document.openapi })];
    });
    return [path, Object.fromEntries(operations) as PathItem];
  });
  return { ...document, paths: Object.fromEntries(paths), components: parts.all() };
}

interface Context {
  readonly served: readonly Served[];
  readonly parts: ComponentParts;
  readonly version: string;
}

function documented(operation: Operation, { served, parts, version }: Context): Operation {
  const security = securityOf(served, parts, version);
  if (!security) return operation;
  const isOthers = security.length === 0 && served.some(({ entry }) => entry.otherGuards !== undefined);
  return {
    ...operation,
    security: isOthers ? (operation.security ?? security) : security,
    responses: responsesOf(operation.responses, served, parts),
  };
}

function responsesOf(own: Responses, served: readonly Served[], parts: ComponentParts): Responses {
  const codes = [...new Set(served.flatMap(codesOf))];
  const responses = Object.entries(own).map(([status, response]) => [
    status,
    status.startsWith('2') && response ? withHeaders(response, served, parts) : response,
  ]);
  const refusals = STATUSES.flatMap((status) => {
    const ofStatus = codes.filter((code) => ERROR_CODES[code].status === status);
    const isTold = String(status) in own || `${String(status)[0]}XX` in own;
    return isTold || ofStatus.length === 0 ? [] : [[String(status), refusal(ofStatus, served, parts)]];
  });
  return Object.fromEntries([...responses, ...refusals]) as Responses;
}

/** What every checked reply has. */
function withHeaders(response: Response, served: readonly Served[], parts: ComponentParts): Response {
  if ('$ref' in response) return response;
  const names: HeaderName[] = [
    ...(served.some(hasQuotas) ? (['RateLimit', 'RateLimit-Policy'] as const) : []),
    ...(served.some((one) => looksForSession(one) && one.realm.settings.transport.sessionExpiresHeader)
      ? (['Session-Expires'] as const)
      : []),
  ];
  return names.length === 0
    ? response
    : { ...response, headers: { ...headersOf(names, parts), ...response.headers } };
}

function refusal(
  codes: readonly SessionErrorCode[],
  served: readonly Served[],
  parts: ComponentParts,
): Response {
  const hasScopes = codes.includes('forbidden') && served.some(({ entry }) => entry.access === 'service');
  const isCounted = codes.includes('rate_limited') || served.some(hasQuotas);
  const names: HeaderName[] = [
    ...(hasScopes || codes.some((code) => ERROR_CODES[code].challenge)
      ? (['WWW-Authenticate'] as const)
      : []),
    ...(codes.some((code) => ERROR_CODES[code].isRetryable) ? (['Retry-After'] as const) : []),
    ...(isCounted ? (['RateLimit', 'RateLimit-Policy'] as const) : []),
  ];
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}`).join('; '),
    ...(names.length === 0 ? {} : { headers: headersOf(names, parts) }),
    content: {
      'application/problem+json': { schema: parts.refTo('schemas', 'SessionProblem', PROBLEM) },
    },
  };
}

function headersOf(
  names: readonly HeaderName[],
  parts: ComponentParts,
): NonNullable<Extract<Response, { headers?: unknown }>['headers']> {
  return Object.fromEntries(names.map((name) => [name, parts.refTo('headers', name, HEADERS[name])]));
}
