// Reads replies as they came over the wire, and says what is wrong with them.
const OPAQUE =
  /\bat .+[./](js|ts|mjs):\d|node_modules|ECONN|ioredis|TypeError|RangeError|SyntaxError|ReferenceError|Cannot (read|set|destructure|convert)|\bstack\b|WRONGTYPE|NOSCRIPT|user_script/;
/** What Node's own parser answers, without a body, to what is no HTTP. */
const OF_NODE = new Set([400, 408, 413, 417, 431]);
const HONEST_503 = new Set(['session_store_unavailable', 'overloaded']);
const FINE = new Set([200, 201, 202, 204, 206, 301, 302, 304]);

/** The replies in some bytes, as many as are whole; `rest`: there is the beginning of another. */
export function readReplies(bytes, methods) {
  const replies = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const [first, ...lines] = bytes.toString('latin1', at, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? NaN);
    if (Number.isNaN(status)) return { replies, problem: `no status line: ${first.slice(0, 60)}` };
    const headers = new Map(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    at = end + 4;
    if (status < 200) continue;
    const reply = {
      status,
      headers,
      body: '',
      isStream: /event-stream/.test(headers.get('content-type') ?? ''),
    };
    const method = methods[replies.length];
    if (reply.isStream) {
      replies.push(reply);
      return { replies };
    }
    if (method !== 'HEAD' && status !== 204 && status !== 304) {
      const length = headers.get('content-length');
      if (length !== undefined) {
        if (bytes.length < at + Number(length)) break;
        reply.body = bytes.toString('utf8', at, at + Number(length));
        at += Number(length);
      } else if (headers.get('transfer-encoding') === 'chunked') {
        const chunks = [];
        for (;;) {
          const lineEnd = bytes.indexOf('\r\n', at);
          const size = lineEnd < 0 ? NaN : parseInt(bytes.toString('latin1', at, lineEnd), 16);
          if (Number.isNaN(size) || bytes.length < lineEnd + size + 4) return { replies };
          chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
          at = lineEnd + size + 4;
          if (size === 0) break;
        }
        reply.body = Buffer.concat(chunks).toString();
      } else {
        reply.body = bytes.toString('utf8', at);
        at = bytes.length;
      }
    }
    replies.push(reply);
  }
  return { replies };
}

/** What is wrong with a reply; `undefined` for one as documented. */
export function faultOf({ status, headers, body }, method, { isProblemJson }) {
  if (status < 400) return FINE.has(status) ? undefined : `an undocumented status ${status}`;
  if (body === '' && OF_NODE.has(status) && !headers.has('content-type')) return undefined;
  if (OPAQUE.test(body)) return `${status} says what is inside: ${body.slice(0, 200)}`;
  if (method === 'HEAD') return status >= 500 && status !== 503 ? `${status} to HEAD` : undefined;
  let problem;
  try {
    problem = JSON.parse(body);
  } catch {
    return `${status} without JSON: ${headers.get('content-type')} ${body.slice(0, 200)}`;
  }
  if (status >= 500 && !(status === 503 && HONEST_503.has(problem.code)))
    return `${status}: ${body.slice(0, 200)}`;
  if (!isProblemJson) return undefined;
  if (!headers.get('content-type')?.startsWith('application/problem+json'))
    return `${status} is no problem+json: ${body.slice(0, 200)}`;
  if (problem.status !== status || typeof problem.code !== 'string')
    return `${status} with another problem: ${body.slice(0, 200)}`;
  return undefined;
}
