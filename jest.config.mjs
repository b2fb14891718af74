const swc = (parser) => [
  '@swc/jest',
  {
    swcrc: false,
    jsc: {
      target: 'es2023',
      parser,
      transform: { legacyDecorator: true, decoratorMetadata: true },
      keepClassNames: true,
    },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  },
];
const esmPackages = [
  '@nestjs',
  'file-type',
  'strtok3',
  'token-types',
  'uint8array-extras',
  '@tokenizer',
  '@borewit',
  'cookie',
  'jose',
  // Of Mercurius's.
  '@fastify/static/node_modules/content-disposition',
  'content-disposition',
];

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/libs', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts', '**/*.e2e-spec.ts'],
  setupFiles: ['reflect-metadata'],
  globalSetup: '<rootDir>/scripts/jest-global-setup.mjs',
  testTimeout: 30_000,
  testSequencer: '<rootDir>/scripts/jest-sequencer.mjs',
  // Tests wait for other processes more than they compute; on two cores Jest would run one at a time.
  maxWorkers: 3,
  // Modules of earlier suites stay in a worker's heap: after fifty of them, what takes 7 s alone took 149 s.
  workerIdleMemoryLimit: '600MB',
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/libs/[^/]+/dist'],
  moduleNameMapper: {
    '^@latchkey/session$': '<rootDir>/libs/session/src/index.ts',
    '^@latchkey/session/(cli|graphql|jwt|metrics|opentelemetry|passport|swagger|terminus|testing|throttler)$':
      '<rootDir>/libs/session/src/$1/index.ts',
    '^@latchkey/session/(socket\\.io|ws)$': '<rootDir>/libs/session/src/$1/index.ts',
    '^@latchkey/session/(access|audit|http|live|telemetry|users)$': '<rootDir>/libs/session/src/doors/$1.ts',
    '^(\\.{1,2}/.*)\\.js$': ['$1', '$1.js'],
  },
  transform: {
    '^.+\\.ts$': swc({ syntax: 'typescript', decorators: true }),
    '/node_modules/.+\\.m?js$': swc({ syntax: 'ecmascript' }),
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmPackages.join('|')})/)`],
  coverageProvider: 'v8',
  collectCoverageFrom: [
    'src/**/*.ts',
    'libs/*/src/**/*.ts',
    '!**/*.spec.ts',
    '!src/main.ts',
    '!src/console/web/**',
  ],
};
