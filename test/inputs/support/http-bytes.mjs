// Requests as bytes: from nearly right to nonsense. Nothing here says `Upgrade`; upgrades have a fuzzer of their own.
const METHODS = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'get',
  'G\x00T',
  'CONNECT',
  'QUERY',
];
const TARGETS = [
  '/',
  '//',
  '/%',
  '/%zz',
  '/%00',
  '/..%2f..%2fetc',
  '*',
  'http://a/',
  '/a?b=%',
  '/\x80\xff',
  '/docs-json',
  '/health',
  '/auth/me/',
  '/AUTH/ME',
  '/auth//me',
  '/sessions/%2e%2e',
  '/?__proto__[a]=1',
  '/docs/../auth/me',
  `/${'a'.repeat(3_000)}`,
  '/auth/me#a',
  'auth/me',
  '/auth/me?',
];
const QUERIES = [
  'limit=5',
  'limit=-1',
  'limit=1e9',
  'limit=NaN',
  'limit[]=1',
  'limit=1&limit=2',
  'before=0-0',
  'before=1',
  'before=999999999999999-999999999999999',
  'before=%00',
  'before[a]=1',
  'scope=others',
  'scope=all',
  'scope=',
  'force=true',
  'force=1',
  'userId=a',
  'a'.repeat(2_000),
  '%',
  '&&&',
  '=',
  '__proto__=1',
  'constructor[prototype]=1',
  'token=lk_a',
];
const NASTY = [
  '',
  ' ',
  '\t',
  'null',
  '"',
  "'",
  '\\',
  ';',
  ',',
  '=',
  '\x7f',
  '\xff',
  '%00',
  '%0d%0a',
  'é',
  '{}',
  '[]',
  '0',
  '-1',
  '1e400',
  'a'.repeat(300),
  ' '.repeat(3_000),
  ';'.repeat(1_000),
  ','.repeat(2_000),
  '"'.repeat(500),
  'a=b;'.repeat(700),
  '::1',
  '127.0.0.1',
  '::ffff:127.0.0.1',
  '999.1.1.1',
  'for="[::1]:80"',
  'a'.repeat(14_000),
];
const HEADERS = [
  'Accept',
  'Accept-Encoding',
  'Content-Encoding',
  'Content-Type',
  'Cookie',
  'Authorization',
  'Host',
  'Origin',
  'Referer',
  'Sec-Fetch-Site',
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'Forwarded',
  'User-Agent',
  'If-None-Match',
  'If-Modified-Since',
  'Range',
  'Last-Event-ID',
  'Expect',
  'TE',
  'Trailer',
  'Date',
  'Via',
  'X-HTTP-Method-Override',
  '__proto__',
  'constructor',
  'Content-Length',
  'Transfer-Encoding',
];
const VALUES = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  '',
  'a',
  'alice',
  '\u0000',
  '\ud800',
  '__proto__',
  'x'.repeat(600),
  [],
  [null],
  [[]],
  {},
  { a: 1 },
  { __proto__: null },
  JSON.parse('{"then":1}'),
  { toString: 1 },
  '10.0.0.0/8',
  ['10.0.0.0/8'],
  ['user'],
  ['admin'],
  'bearer',
  'cookie',
  '2030-01-01T00:00:00Z',
  '9999999-99-99',
  '<script>',
  'a@b.co',
];
const JSON_TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset=latin1',
  'application/json; charset="',
  'APPLICATION/JSON',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=a',
  'application/json, text/plain',
  'application/problem+json',
  '',
  '*/*',
];

/** One request. `isWhole`: the bytes say themselves where it ends, and so it must be answered. */
export function makeRequest(random, { routes, people, isLast }) {
  const route = random.chance(0.9) ? random.pick(routes) : undefined;
  const person = random.pick(people);
  let method = route?.method ?? random.pick(METHODS);
  let target = route ? pathOf(random, route, people) : random.pick(TARGETS);
  if (random.chance(0.04)) method = random.pick(METHODS);
  if (random.chance(0.25)) target += `?${random.pick(QUERIES)}`;
  const headers = [['Host', person.host], ...credentialsOf(random, person)];
  let body = bodyOf(random, route, people);
  if (method === 'GET' || method === 'HEAD') body = random.chance(0.03) ? body : undefined;
  let isWhole = true;
  let payload = '';
  if (body !== undefined) {
    headers.push(['Content-Type', random.chance(0.93) ? 'application/json' : random.pick(JSON_TYPES)]);
    const bytes = Buffer.from(body);
    if (random.chance(0.08)) {
      headers.push(['Transfer-Encoding', 'chunked']);
      payload = chunked(random, bytes);
      isWhole = false;
    } else {
      const isRight = random.chance(0.96);
      const length = isRight
        ? bytes.length
        : random.pick([bytes.length + 5, Math.max(0, bytes.length - 1), 0, 1e12, -1, '0x5', '', '+3']);
      headers.push(['Content-Length', length]);
      if (!isRight) isWhole = false;
      payload = bytes.toString('latin1');
    }
  }
  for (let more = random.chance(0.35) ? random.below(4) : 0; more > 0; more--) {
    const name = random.pick(HEADERS);
    if (['Content-Length', 'Transfer-Encoding', 'Expect', 'Host'].includes(name)) isWhole = false;
    headers.push([name, random.chance(0.2) ? random.pick(JSON_TYPES) : random.pick(NASTY)]);
  }
  if (random.chance(0.02)) headers.push(...Array.from({ length: 200 }, (_, i) => [`X-${i}`, 'a']));
  if (isLast) headers.push(['Connection', 'close']);
  const version = random.chance(0.99)
    ? 'HTTP/1.1'
    : random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', 'http/1.1', '']);
  const lines = headers.map(
    ([name, value]) => `${name}${random.chance(0.995) ? ': ' : random.pick([':', ' : ', ':\t', ''])}${value}`,
  );
  if (random.chance(0.01))
    lines.splice(random.below(lines.length), 0, random.pick([' folded', '\tfolded', ':', 'a', '\x00: a']));
  const end = random.chance(0.995) ? '\r\n' : '\n';
  const text = `${method} ${target} ${version}${end}${lines.join(end)}${end}${end}${payload}`;
  return {
    bytes: Buffer.from(text, 'latin1'),
    method,
    name: `${method} ${target.slice(0, 80)}`,
    isWhole,
    isStream: target.startsWith('/events'),
  };
}

function pathOf(random, { path }, people) {
  return path.replace(/\{\w+\}|:\w+/g, () =>
    encodeURIComponent(
      random.pick([
        ...people.flatMap(({ userId, sessionId }) => [userId, sessionId]),
        'office',
        'admin',
        '1',
        '0',
        'current',
        'a'.repeat(16),
        '__proto__',
        '..',
        '\u0000',
        '%',
        'a'.repeat(500),
        '\ud83d\ude00',
      ]) ?? 'a',
    ),
  );
}

/** A person's own token, or one that is nearly it. */
function credentialsOf(random, { token, refreshToken, transport }) {
  if (token === undefined) return [];
  let shown = token;
  if (random.chance(0.12)) shown = mutated(random, token);
  if (transport === 'cookie') {
    const cookies = [`__Host-session=${shown}`];
    if (refreshToken && random.chance(0.2))
      cookies.push(`__Secure-refresh=${random.chance(0.3) ? mutated(random, refreshToken) : refreshToken}`);
    if (random.chance(0.05))
      cookies.push(random.pick([`__Host-session=${token}`, 'a=b', ';', '=', '__Host-session']));
    const headers = [['Cookie', cookies.join(random.chance(0.97) ? '; ' : ';;')]];
    if (random.chance(0.2))
      headers.push(['Sec-Fetch-Site', random.pick(['same-origin', 'same-site', 'cross-site', 'none', 'a'])]);
    return headers;
  }
  const headers = [
    [
      'Authorization',
      `${random.chance(0.97) ? 'Bearer ' : random.pick(['bearer ', 'Bearer', 'Bearer  ', 'Basic ', 'Bearer\t'])}${shown}`,
    ],
  ];
  if (random.chance(0.02)) headers.push(headers[0]);
  return headers;
}

function mutated(random, token) {
  const at = random.below(token.length);
  return random.pick([
    () =>
      token.slice(0, at) + random.pick(['a', '_', '!', '.', '=', ' ', '\xff', '%00']) + token.slice(at + 1),
    () => token.slice(0, at),
    () => token + random.pick(['a', '.', '=', ' ']),
    () => token + token,
    () => token.toUpperCase(),
    () => `lk_${token}`,
    () => token.split('.').reverse().join('.'),
    () => random.pick(NASTY),
  ])();
}

function bodyOf(random, route, people) {
  const fields = route?.fields ?? [];
  if (fields.length === 0 && random.chance(0.9)) return undefined;
  const odd = random.next();
  if (odd < 0.03)
    return random.pick([
      '',
      '{',
      'null',
      '[]',
      '"a"',
      '1',
      '{"a":}',
      '\x00',
      '{"__proto__":{"a":1}}',
      `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
      '{"a":1}{"b":2}',
      '\ufeff{}',
    ]);
  if (odd < 0.032) return JSON.stringify({ [fields[0] ?? 'a']: 'x'.repeat(70_000) });
  if (odd < 0.034) return JSON.stringify(Array.from({ length: 10_000 }, () => ({})));
  const body = {};
  for (const field of fields) {
    if (random.chance(0.1)) continue;
    body[field] = random.chance(0.6) ? likely(random, field, people) : random.pick(VALUES);
  }
  if (random.chance(0.05)) body[random.pick(['a', 'constructor', 'admin', ''])] = random.pick(VALUES);
  return JSON.stringify(body);
}

/** What such a field is meant to have. */
function likely(random, field, people) {
  const person = random.pick(people);
  const known = {
    username: () => random.pick(['alice', 'bob', `n${random.below(1e6)}`, 'nobody']),
    userId: () => random.pick(['alice', 'bob', 'mia']),
    password: () => random.pick(['wrong password', 'short', 'x'.repeat(200)]),
    currentPassword: () => 'wrong password',
    newPassword: () => 'another password',
    transport: () => random.pick(['bearer', 'cookie']),
    deviceName: () => random.pick(['laptop', '\u202e', 'x'.repeat(64)]),
    refreshToken: () =>
      person.refreshToken && random.chance(0.3) ? mutated(random, person.refreshToken) : 'lkr_a',
    token: () => random.pick(['lko_a', `lko_${'a'.repeat(81)}`, person.token ?? 'a']),
    roles: () => random.pick([['user'], ['moderator'], []]),
    cidrs: () =>
      random.pick([
        ['0.0.0.0/0', '::/0'],
        ['127.0.0.1', '::/0', '0.0.0.0/0'],
      ]),
    reason: () => 'spam',
    until: () => random.pick(['2030-01-01T00:00:00Z', '2000-01-01T00:00:00Z']),
    text: () => random.pick(['hello', '😀', 'x'.repeat(500)]),
    email: () => 'a@b.co',
    rememberMe: () => random.chance(0.5),
  };
  return (known[field] ?? (() => random.pick(VALUES)))();
}

function chunked(random, bytes) {
  const size = bytes.length.toString(16);
  const text = bytes.toString('latin1');
  return random.pick([
    `${size}\r\n${text}\r\n0\r\n\r\n`,
    `${size};a=b\r\n${text}\r\n0\r\nX: y\r\n\r\n`,
    `${size}\r\n${text}\r\n`,
    `zz\r\n${text}\r\n0\r\n\r\n`,
    `ffffffffffffffff1\r\n${text}`,
    `0\r\n\r\n`,
  ]);
}
