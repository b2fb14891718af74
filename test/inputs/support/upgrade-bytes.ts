import type { Random } from './random.js';

const TARGETS = [
  '/ws',
  '/public',
  '/ws',
  '/public',
  '/events',
  '/health',
  '/nowhere',
  '/',
  '//',
  '*',
  '',
  '/%',
  '/%00',
];
const ODD_TARGETS = [
  'http://[',
  'http://x/public',
  'ws://localhost/ws?x',
  '//x/ws',
  '/ws#x',
  '/ws?%',
  '/\\ws',
  'x',
  ':',
];
const HOSTS = [
  'localhost',
  'localhost:3000',
  '[::1]:80',
  '',
  '[',
  'a b',
  'a/b',
  'x'.repeat(300),
  ':',
  '\x80',
  '%',
];
const UPGRADES = [
  'websocket',
  'websocket',
  'websocket',
  'WebSocket',
  'h2c',
  'foo/1',
  'h2c, websocket',
  '',
  ',',
  'TLS/1.0',
];
const CONNECTIONS = [
  'Upgrade',
  'Upgrade',
  'keep-alive, Upgrade',
  'Upgrade, HTTP2-Settings',
  'upgrade, close',
  'close',
];
const KEYS = [
  'dGhlIHNhbXBsZSBub25jZQ==',
  'dGhlIHNhbXBsZSBub25jZQ==',
  'dGhlIHNhbXBsZSBub25jZQ==',
  '',
  'short',
  '=',
];
const EXTRAS = [
  'HTTP2-Settings: AAMAAABkAAQAAP__',
  'Sec-WebSocket-Protocol: chat, superchat',
  'Sec-WebSocket-Protocol: ,,,',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99',
  'Sec-WebSocket-Extensions: ;;=',
  'Origin: https://evil.example',
  'Origin: null',
  'Sec-Fetch-Site: same-origin',
  'Cookie: __Host-session=x; __Host-session=y',
  `Cookie: __Host-session=${' '.repeat(2_000)}x`,
  'Authorization: Bearer lk_nonsense',
  'Authorization: Basic eDp5',
  'Transfer-Encoding: chunked',
  'Content-Length: 5',
  'Expect: 100-continue',
  'X-Forwarded-For: 1.2.3.4, [::1]:x',
];

/** A request for an upgrade or a stream, right or wrong in any number of ways, and perhaps what comes after it. */
export function upgradeBytesOf(random: Random, token: string): string {
  if (random.chance(0.3)) return soundBytesOf(random, token);
  const method = random.chance(0.9)
    ? 'GET'
    : random.pick(['POST', 'HEAD', 'OPTIONS', 'PUT', 'CONNECT', 'XYZZY']);
  const target = random.chance(0.03) ? `/${'a'.repeat(random.below(20_000))}` : targetOf(random);
  const version = random.chance(0.95) ? '1.1' : random.pick(['1.0', '0.9', '2.0', '9.9']);
  const lines = [`${method} ${target} HTTP/${version}`];
  for (let i = random.chance(0.9) ? 1 : random.below(3); i > 0; i--) lines.push(`Host: ${hostOf(random)}`);
  if (random.chance(0.95)) lines.push(`Connection: ${random.pick(CONNECTIONS)}`);
  if (random.chance(0.9)) lines.push(`Upgrade: ${random.pick(UPGRADES)}`);
  if (random.chance(0.95)) lines.push(`Sec-WebSocket-Key: ${random.pick(KEYS)}`);
  if (random.chance(0.95))
    lines.push(`Sec-WebSocket-Version: ${random.chance(0.9) ? '13' : random.below(20)}`);
  if (random.chance(0.6)) lines.push(`Authorization: Bearer ${token}`);
  while (random.chance(0.3)) lines.push(random.pick(EXTRAS));
  if (random.chance(0.05)) lines.push(`X-Odd: ${random.bytes(random.below(50))}`);
  let text = `${lines.join('\r\n')}\r\n\r\n`;
  while (random.chance(0.4)) text += followingOf(random);
  for (let i = random.chance(0.1) ? random.below(8) : 0; i > 0; i--) {
    const at = random.below(text.length);
    text = text.slice(0, at) + random.bytes(random.below(3)) + text.slice(at + random.below(3));
  }
  return random.chance(0.1) ? text.slice(0, random.below(text.length)) : text;
}

/** What is right, and gets as far as the frames. */
function soundBytesOf(random: Random, token: string): string {
  const isStream = random.chance(0.3);
  const lines = [
    `GET ${isStream ? '/events' : random.pick(['/ws', '/public'])} HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${token}`,
    ...(isStream ? [] : ['Connection: Upgrade', 'Upgrade: websocket', `Sec-WebSocket-Key: ${KEYS[0]}`]),
    ...(isStream ? [] : ['Sec-WebSocket-Version: 13']),
  ];
  let text = `${lines.join('\r\n')}\r\n\r\n`;
  while (!isStream && random.chance(0.7)) text += followingOf(random);
  return text;
}

function targetOf(random: Random): string {
  if (random.chance(0.75)) return random.pick(TARGETS);
  return random.chance(0.7) ? random.pick(ODD_TARGETS) : `/${random.bytes(random.below(30))}`;
}

function hostOf(random: Random): string {
  return random.chance(0.8) ? 'localhost' : random.pick(HOSTS);
}

/** Frames, and what is none. */
function followingOf(random: Random): string {
  switch (random.below(8)) {
    case 0:
      return random.bytes(random.below(200));
    case 1:
      return 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
    case 2:
      return '\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff'; // longer than anything may be
    case 3:
      return frame(random.below(16), random.bytes(random.below(125)));
    case 4:
      return frame(1, '{"event":"delete","data":{}}');
    case 5:
      return frame(
        1,
        random.pick(['null', '5', '[]', '{"event":{}}', '{"event":["ping"]}', '{', '{"event":"__proto__"}']),
      );
    case 6:
      return frame(8, '\x03\xe8');
    default:
      return frame(1, '{"event":"ping"}');
  }
}

function frame(opcode: number, payload: string): string {
  return String.fromCharCode(0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0) + payload;
}
