import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MODULE = join(__dirname, 'support/http-replies.mjs');

/** What the fuzzer says of replies, in a process of its own: Jest loads no modules of this kind. */
async function faultsOf(replies: readonly string[]): Promise<unknown[]> {
  const script = `
    import { faultOf, readReplies } from ${JSON.stringify(MODULE)};
    const told = JSON.parse(process.argv[1]).map((text) => {
      const { replies, problem } = readReplies(Buffer.from(text), ['GET', 'GET']);
      return problem ?? replies.map((reply) => faultOf(reply, 'GET', { isProblemJson: true }) ?? null);
    });
    console.log(JSON.stringify(told));`;
  const args = ['--input-type=module', '-e', script, JSON.stringify(replies)];
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout) as unknown[];
}

function reply(status: number, body: unknown, type = 'application/problem+json'): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return `HTTP/1.1 ${status} x\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

test('the fuzzer knows a fault when it sees one', async () => {
  const fine = reply(200, {}, 'application/json');
  const away = reply(503, { status: 503, code: 'session_store_unavailable' });
  const missing = reply(401, { status: 401, code: 'session_missing' });
  expect(
    await faultsOf([
      fine + missing,
      away,
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
      reply(500, { status: 500, code: 'internal' }),
      reply(503, { status: 503, code: 'internal' }),
      reply(400, { status: 400, code: 'bad_request', detail: 'TypeError: x' }),
      reply(404, 'Cannot GET /', 'text/html'),
      reply(400, { statusCode: 400 }, 'application/json'),
      reply(201, {}) + reply(418, { status: 418, code: 'teapot' }),
      'nonsense\r\n\r\n',
    ]),
  ).toEqual([
    [null, null],
    [null],
    [null],
    [expect.stringMatching(/^500/)],
    [expect.stringMatching(/^503/)],
    [expect.stringContaining('says what is inside')],
    [expect.stringContaining('without JSON')],
    [expect.stringContaining('no problem+json')],
    [null, null],
    expect.stringContaining('no status line'),
  ]);
});
