// The house: which room of the library may import which, and which packages. `npm run lint` enforces it, types included,
// docs/architecture.md draws it, and test/layout.e2e-spec.ts proves that it bites.

/** A room imports rooms on lower floors, its own files, and these packages: [floor, room, packages]. */
export const ROOMS = [
  [18, 'index.ts', []],
  [18, 'doors', []],
  [18, 'passport', ['@nestjs/common', '@nestjs/passport', 'passport']],
  [18, 'throttler', ['@nestjs/common', '@nestjs/throttler']],
  [18, 'testing', ['@nestjs/common', '@nestjs/testing', 'crypto', 'jest']],
  [
    18,
    'ws',
    ['@nestjs/common', '@nestjs/core', '@nestjs/platform-ws', '@nestjs/websockets', 'http', 'net', 'rxjs'],
  ],
  [18, 'jwt', ['@nestjs/common', '@nestjs/core', 'crypto']],
  [17, 'session.module.ts', ['@nestjs/common', '@nestjs/core']],
  [16, 'manifest', ['@nestjs/common', '@nestjs/core']],
  [16, 'live', ['@nestjs/common', 'crypto']],
  [15, 'guard', ['@nestjs/common', '@nestjs/core', 'rxjs']],
  [14, 'services/one-time-tokens', ['@nestjs/common']],
  [14, 'services/sessions', ['@nestjs/common']],
  [13, 'services/ip', ['@nestjs/common']],
  [13, 'services/users', ['@nestjs/common', 'crypto']],
  [12, 'services/rate-limiter', ['@nestjs/common', 'crypto']],
  [12, 'services/audit', ['net']],
  [12, 'services/data', []],
  [12, 'services/events', ['@nestjs/common', 'timers/promises']],
  [12, 'contexts/ws', ['http', 'net', 'tls']],
  [11, 'contexts/http', ['http', 'tls']],
  [11, 'handlers', ['@nestjs/common', '@nestjs/core']],
  [11, 'signing', ['buffer', 'crypto', 'jose']],
  [11, 'storage', []],
  [10, 'storage/redis', ['crypto']],
  [10, 'storage/memory', ['crypto']],
  [10, 'options/checks', ['crypto']],
  [9, 'options', ['@nestjs/common', 'crypto', 'ioredis']],
  [8, 'storage/contract', []],
  [7, 'redis/scripts', []],
  [6, 'redis/calls', ['ioredis']],
  [5, 'redis/lua', []],
  [4, 'redis/records', ['crypto', 'net']],
  [3, 'token', ['crypto']],
  [3, 'rules', ['@nestjs/common', 'crypto', 'net']],
  [2, 'basics', []],
  [1, 'model', ['@nestjs/common']],
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

function rulesOf([floor, room, packages]) {
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
      name: 'the sample uses the library by its public doors',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        path: [`^${LIBRARY}/`, '^libs/session/dist/', '^dist/'],
        pathNot: [`^${LIBRARY}/index\\.ts$`, `^${LIBRARY}/[a-z-]+/index\\.ts$`, `^${LIBRARY}/doors/`],
      },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
