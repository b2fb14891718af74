// The house: which room of the library may import which, and which packages. `npm run lint` enforces it, types included,
// docs/architecture.md draws it, and test/build/layout.e2e-spec.ts proves that it bites.

/**
 * A room imports rooms on lower floors, its own files, and these packages: [floor, room, what lives there, packages].
 * @type {readonly (readonly [floor: number, room: string, sentence: string, packages: readonly string[]])[]}
 */
export const ROOMS = [
  [18, 'index.ts', 'the public door', []],
  [18, 'doors', 'what fewer apps import: a subpath a file', []],
  [
    18,
    'passport',
    "`AuthGuard('latchkey')`",
    ['@nestjs/common', '@nestjs/core', '@nestjs/passport', 'passport'],
  ],
  [
    18,
    'swagger',
    'OpenAPI documents that say what the guards enforce',
    ['@nestjs/common', '@nestjs/core', '@nestjs/swagger'],
  ],
  [18, 'throttler', 'storage for `@nestjs/throttler`', ['@nestjs/common', '@nestjs/throttler']],
  [
    18,
    'ws',
    'the adapter that guards gateways',
    ['@nestjs/common', '@nestjs/core', '@nestjs/platform-ws', '@nestjs/websockets', 'http', 'net', 'rxjs'],
  ],
  [
    18,
    'socket.io',
    'the adapter that guards namespaces',
    ['@nestjs/common', '@nestjs/platform-socket.io', '@nestjs/websockets', 'http', 'net', 'rxjs'],
  ],
  [
    18,
    'graphql',
    'GraphQL subscriptions that end with their session',
    ['@nestjs/common', '@nestjs/core', 'http', 'net', 'rxjs'],
  ],
  [18, 'metrics', 'metrics for Prometheus', ['@nestjs/common', 'prom-client']],
  [18, 'opentelemetry', 'spans for OpenTelemetry', ['@nestjs/common', '@opentelemetry/api']],
  [18, 'terminus', 'a health indicator', ['@nestjs/common', '@nestjs/terminus']],
  [18, 'jwt', 'JWKS route, service tokens', ['@nestjs/common', '@nestjs/core', 'crypto']],
  [
    18,
    'testing',
    "the kit for apps' tests, and the contract that every storage passes",
    ['@nestjs/common', '@nestjs/core', '@nestjs/testing', 'assert', 'crypto', 'jest'],
  ],
  [
    18,
    'cli',
    '`npx latchkey`: what an operator does and looks at',
    [
      '@nestjs/common',
      '@nestjs/core',
      'crypto',
      'fs/promises',
      'ioredis',
      'os',
      'path',
      'readline/promises',
      'url',
      'util',
    ],
  ],
  [17, 'cli/doctor', 'what `latchkey doctor` looks at', ['crypto', 'ioredis']],
  [
    17,
    'sockets',
    'who may open a socket, and who may send which message',
    ['@nestjs/common', '@nestjs/core', 'rxjs'],
  ],
  [17, 'session.module.ts', 'what is wired to what', ['@nestjs/common', '@nestjs/core']],
  [16, 'manifest', 'who may reach what, and the boot check of it', ['@nestjs/common', '@nestjs/core']],
  [
    16,
    'live',
    'open connections, ended with their session',
    ['@nestjs/common', '@nestjs/core', 'crypto', 'rxjs'],
  ],
  [15, 'guard', 'the guard, its decorators, and their reader', ['@nestjs/common', '@nestjs/core', 'rxjs']],
  [14, 'services/one-time-tokens', '`OneTimeTokens`', ['@nestjs/common']],
  [14, 'services/sessions', '`SessionService`: login, check, refresh, revoke', ['@nestjs/common']],
  [13, 'services/ip', '`IpAllowlists`, and the policy of addresses', ['@nestjs/common']],
  [
    13,
    'services/users',
    '`UserStateService`, and the load from a `UserDirectory`',
    ['@nestjs/common', 'crypto'],
  ],
  [12, 'services/rate-limiter', '`RateLimiter`, shares and their refunds', ['@nestjs/common', 'crypto']],
  [12, 'services/audit', '`AuditLog`', ['net']],
  [12, 'services/data', "a session's data: changes that lose nothing", []],
  [
    12,
    'services/events',
    '`SessionEvents`, and the confirmations of an act',
    ['@nestjs/common', 'timers/promises'],
  ],
  [12, 'contexts/socket.io', 'how a packet of socket.io comes and is answered', ['http']],
  [12, 'contexts/graphql', 'how a GraphQL operation comes, by Apollo and Mercurius', []],
  [12, 'contexts/rpc', 'how a message of a microservice comes and is answered', ['rxjs']],
  [12, 'contexts/ws', 'how a WebSocket message comes and is answered', ['http', 'net', 'tls']],
  [11, 'contexts/http', 'how a request comes: credentials, client IP, headers', ['http', 'tls']],
  [11, 'handlers', "what Nest knows of an app's handlers", ['@nestjs/common', '@nestjs/core']],
  [11, 'signing', 'JWTs and their keys', ['buffer', 'crypto', 'jose']],
  [11, 'storage', 'opens storage in memory or in Redis', []],
  [10, 'storage/near', 'checks from memory, under leases that acts wait for', ['crypto', 'timers/promises']],
  [10, 'storage/redis', 'the contract kept in Redis', ['crypto']],
  [10, 'storage/memory', 'the contract kept in memory', ['crypto']],
  [10, 'options/checks', 'the boot check of the options', ['crypto']],
  [
    9,
    'options',
    'what an app says: types, settings, injection keys',
    ['@nestjs/common', 'crypto', 'ioredis'],
  ],
  [
    9,
    'storage/redis/recovery',
    'what a node does when its Redis is another one, whose data may be older',
    ['timers/promises'],
  ],
  [8, 'storage/contract', 'what storage promises', ['crypto']],
  [7, 'redis/scripts', 'one typed function a script', []],
  [6, 'redis/calls', 'the connection; calls, batches and timeouts', ['ioredis']],
  [
    5,
    'redis/servers',
    'clients and servers: how they are set up, whether one is fit, and another',
    ['ioredis'],
  ],
  [5, 'redis/lua', 'the scripts, and their table', []],
  [4, 'telemetry', 'what is told of a module, and the channels that tell it', ['diagnostics_channel']],
  [4, 'redis/records', 'keys, packed records and replies', ['crypto', 'net']],
  [3, 'token', 'mint, parse and hash tokens', ['crypto']],
  [
    3,
    'rules',
    'pure: decide, lifetimes, roles, devices, addresses, quotas, sealing',
    ['@nestjs/common', 'crypto', 'net'],
  ],
  [2, 'basics', 'small tools that know nothing of sessions', []],
  [1, 'model', 'the words: session, user state, decision, error, event', ['@nestjs/common']],
];

const LIBRARY = 'libs/session/src';
const SPECS = '\\.spec\\.ts$';

/** The files of a room, without those of the rooms inside it. */
function filesOf(room) {
  if (room.endsWith('.ts')) return `^${LIBRARY}/${room.replace('.', '\\.')}$`;
  const inside = ROOMS.filter(([, other]) => other.startsWith(`${room}/`)).map(([, other]) =>
    other.slice(room.length + 1),
  );
  return `^${LIBRARY}/${room}/${inside.length > 0 ? `(?!(${inside.join('|')})/)` : ''}`;
}

function rulesOf([floor, room, , packages]) {
  const from = { path: filesOf(room), pathNot: SPECS };
  const below = ROOMS.filter(([other]) => other < floor).map(([, other]) => filesOf(other));
  const known = packages.flatMap((name) => [`^${name}$`, `^node_modules/${name}/`]);
  return [
    {
      name: `${room} imports only what lies below it`,
      severity: 'error',
      from,
      to: { path: `^${LIBRARY}/`, pathNot: [filesOf(room), ...below] },
    },
    {
      name: `${room} imports only ${packages.join(', ') || 'no package'}`,
      severity: 'error',
      from,
      to: { pathNot: [`^${LIBRARY}/`, ...known] },
    },
  ];
}

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no cycles, types included', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every file has a room',
      severity: 'error',
      from: { path: `^${LIBRARY}/`, pathNot: [SPECS, ...ROOMS.map(([, room]) => filesOf(room))] },
      to: {},
    },
    ...ROOMS.flatMap(rulesOf),
    {
      name: 'the sample and the examples use the library by its public doors',
      severity: 'error',
      from: { path: '^(src|examples)/' },
      to: {
        path: [`^${LIBRARY}/`, '^libs/session/dist/', '^dist/'],
        pathNot: [`^${LIBRARY}/index\\.ts$`, `^${LIBRARY}/[a-z.-]+/index\\.ts$`, `^${LIBRARY}/doors/`],
      },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
