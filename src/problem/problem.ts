/** One field of a request that does not validate. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** The sample's own errors; the library's are in its `SessionError`. */
const CATALOGUE = {
  bad_request: [400, 'The request is not valid'],
  bad_credentials: [401, 'The user name or the password is wrong'],
  not_found: [404, 'There is nothing here'],
  conflict: [409, 'That is not possible as things are'],
  too_large: [413, 'The request is too large'],
  unsupported_media_type: [415, 'The body must be JSON'],
  internal_error: [500, 'Something went wrong on our side'],
  overloaded: [503, 'Too much is asked of the server right now'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof CATALOGUE;

/** An error that a client is told, as problem+json (RFC 9457). The detail is written for people and holds no internals. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;

  constructor(
    readonly code: ProblemCode,
    detail?: string,
    readonly errors?: readonly FieldError[],
  ) {
    const [status, title] = CATALOGUE[code];
    super(detail ?? title);
    this.status = status;
    this.title = title;
  }
}

const MOST_ERRORS = 20;
const LONGEST_NAME = 64;
const LONGEST_MESSAGE = 200;
/** So that no reply has more than 4 KiB, whatever was sent. */
const MOST_BYTES = 3_072;

/** What does not validate, field by field: the first of them. Names and messages are cut, because clients choose some. */
export function badRequest(...errors: readonly FieldError[]): Problem {
  const told: FieldError[] = [];
  let bytes = 0;
  for (const { field, message } of errors.slice(0, MOST_ERRORS)) {
    const error = { field: cut(field, LONGEST_NAME), message: cut(message, LONGEST_MESSAGE) };
    bytes += Buffer.byteLength(JSON.stringify(error));
    if (bytes > MOST_BYTES) break;
    told.push(error);
  }
  return new Problem('bad_request', undefined, told);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
