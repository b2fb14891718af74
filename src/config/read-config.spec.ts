import { readConfig } from './read-config.js';

/** 32 bytes. */
const DATA_KEY = Buffer.alloc(32, 251).toString('base64');

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toEqual({
      host: '127.0.0.1',
      port: 3000,
      storage: { kind: 'memory' },
      redisTimeoutMs: 180,
      production: false,
      allowMemory: false,
      acceptPlainData: false,
      allowedOrigins: [],
      forwardedHeader: 'x-forwarded-for',
      passwordCost: { memoryKib: 19_456, passes: 2 },
      loginQuota: 10,
      postQuota: 30,
      sessionQuota: 600,
      refresh: false,
      logFormat: 'text',
    });
  });

  it('takes an empty variable for an unset one', () => {
    const empty = Object.fromEntries(
      [
        'HOST',
        'PORT',
        'REDIS_URL',
        'REDIS_CLUSTER',
        'REDIS_SENTINELS',
        'REDIS_TIMEOUT_MS',
        'TRUST_PROXY',
        'FORWARDED_HEADER',
      ].map((name) => [name, ' ']),
    );
    expect(readConfig({ ...empty, PUBLIC_ORIGIN: '', ALLOW_MEMORY: '', NODE_ENV: '' })).toEqual(
      readConfig({}),
    );
  });

  it.each([
    [{ PORT: '0' }, { port: 0 }],
    [
      { HOST: '0.0.0.0', PORT: '8080' },
      { host: '0.0.0.0', port: 8080 },
    ],
    [{ REDIS_TIMEOUT_MS: '2000' }, { redisTimeoutMs: 2_000 }],
    [{ REFRESH: 'on' }, { refresh: true }],
    [{ REFRESH: 'off' }, { refresh: false }],
    [{ LOG_FORMAT: 'json' }, { logFormat: 'json' }],
    [{ METRICS_TOKEN: 'a-token-of-16-or-more' }, { metricsToken: 'a-token-of-16-or-more' }],
    [{ HOST: '::1' }, { host: '::1' }],
    [
      { LOGIN_QUOTA: '3', POST_QUOTA: '4', SESSION_QUOTA: '5' },
      { loginQuota: 3, postQuota: 4, sessionQuota: 5 },
    ],
    [
      { REDIS_URL: 'redis://127.0.0.1:6379/2' },
      { storage: { kind: 'redis', url: 'redis://127.0.0.1:6379/2' } },
    ],
    [{ REDIS_URL: 'rediss://u:p@host' }, { storage: { kind: 'redis', url: 'rediss://u:p@host' } }],
    [
      { REDIS_CLUSTER: 'a:1, [::1]:2 ,10.0.0.1:3', REDIS_PASSWORD: 'p' },
      {
        storage: {
          kind: 'cluster',
          nodes: [
            { host: 'a', port: 1 },
            { host: '::1', port: 2 },
            { host: '10.0.0.1', port: 3 },
          ],
          login: { password: 'p' },
        },
      },
    ],
    [
      { REDIS_SENTINELS: 's:26379', REDIS_SENTINEL_NAME: 'main' },
      { storage: { kind: 'sentinel', sentinels: [{ host: 's', port: 26379 }], name: 'main', login: {} } },
    ],
    [
      { TRUST_PROXY: '2', FORWARDED_HEADER: 'X-Real-IP' },
      { trustProxy: 2, forwardedHeader: 'x-real-ip' },
    ],
    [{ TRUST_PROXY: '10.0.0.0/8, ::1' }, { trustProxy: ['10.0.0.0/8', '::1'] }],
    [
      { DATA_KEYS: `new:${DATA_KEY}, old:${DATA_KEY.slice(0, -1)}`, DATA_ACCEPT_PLAIN: '1' },
      {
        dataKeys: [
          { id: 'new', key: Buffer.alloc(32, 251) },
          { id: 'old', key: Buffer.alloc(32, 251) },
        ],
        acceptPlainData: true,
      },
    ],
    [{ PUBLIC_ORIGIN: 'https://app.example/' }, { publicOrigin: 'https://app.example' }],
    [
      { ALLOWED_ORIGINS: 'https://app.example, http://localhost:5173' },
      { allowedOrigins: ['https://app.example', 'http://localhost:5173'] },
    ],
    [
      { NODE_ENV: 'production', ALLOW_MEMORY: '1' },
      { production: true, allowMemory: true },
    ],
  ])('reads %j', (environment, expected) => {
    expect(readConfig(environment)).toMatchObject(expected);
  });

  it.each([
    [{ ACCESS_TOKEN: 'opaque', JWT_ALG: 'ES256' }, undefined],
    [{ ACCESS_TOKEN: 'jwt' }, { algorithm: 'EdDSA' }],
    [{ ACCESS_TOKEN: 'jwt', JWT_ALG: 'HS256' }, { algorithm: 'HS256' }],
    [
      { ACCESS_TOKEN: 'jwt', JWT_KEYS: '/keys.json', NODE_ENV: 'production', ALLOW_MEMORY: '1' },
      { algorithm: 'EdDSA', keysFile: '/keys.json' },
    ],
  ])('reads access tokens from %j', (environment, expected) => {
    expect(readConfig(environment).jwt).toEqual(expected);
  });

  it.each([
    ['ACCESS_TOKEN', { ACCESS_TOKEN: 'JWT' }],
    ['JWT_ALG', { ACCESS_TOKEN: 'jwt', JWT_ALG: 'none' }],
    ['JWT_KEYS', { ACCESS_TOKEN: 'jwt', NODE_ENV: 'production', ALLOW_MEMORY: '1' }],
    ['PORT', { PORT: '65536' }],
    ['PORT', { PORT: '-1' }],
    ['PORT', { PORT: '80a' }],
    ['REFRESH', { REFRESH: 'true' }],
    ['HOST', { HOST: 'http://x' }],
    ['HOST', { HOST: 'a b' }],
    ['REDIS_URL', { REDIS_URL: '127.0.0.1:6379' }],
    ['REDIS_URL', { REDIS_URL: 'http://127.0.0.1' }],
    ['REDIS_URL', { REDIS_URL: 'redis://host/zero' }],
    ['REDIS_URL', { NODE_ENV: 'production' }],
    ['REDIS_CLUSTER', { REDIS_CLUSTER: 'host' }],
    ['REDIS_CLUSTER', { REDIS_CLUSTER: ',' }],
    ['REDIS_CLUSTER', { REDIS_CLUSTER: 'host:0' }],
    ['REDIS_CLUSTER', { REDIS_CLUSTER: '[nonsense]:1' }],
    ['REDIS_CLUSTER', { REDIS_URL: 'redis://x', REDIS_CLUSTER: 'host:1' }],
    ['REDIS_SENTINELS', { REDIS_SENTINELS: 'host', REDIS_SENTINEL_NAME: 'main' }],
    ['REDIS_SENTINEL_NAME', { REDIS_SENTINELS: 'host:1' }],
    ['TRUST_PROXY', { TRUST_PROXY: '0' }],
    ['TRUST_PROXY', { TRUST_PROXY: '33' }],
    ['TRUST_PROXY', { TRUST_PROXY: 'true' }],
    ['TRUST_PROXY', { TRUST_PROXY: '10.0.0.0/33' }],
    ['TRUST_PROXY', { TRUST_PROXY: '10.0.0.0/8/8' }],
    ['FORWARDED_HEADER', { FORWARDED_HEADER: 'a, b' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: '*' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://app.example,' }],
    ['PUBLIC_ORIGIN', { PUBLIC_ORIGIN: 'app.example' }],
    ['PUBLIC_ORIGIN', { PUBLIC_ORIGIN: 'https://app.example/path' }],
    ['PUBLIC_ORIGIN', { PUBLIC_ORIGIN: 'ftp://app.example' }],
    ['LOGIN_QUOTA', { LOGIN_QUOTA: '0' }],
    ['POST_QUOTA', { POST_QUOTA: '1.5' }],
    ['SESSION_QUOTA', { SESSION_QUOTA: '1000000' }],
    ['ALLOW_MEMORY', { ALLOW_MEMORY: 'yes' }],
    ['DATA_KEYS', { DATA_KEYS: DATA_KEY }],
    ['DATA_KEYS', { DATA_KEYS: ',' }],
    ['DATA_KEYS', { DATA_KEYS: `a b:${DATA_KEY}` }],
    ['DATA_KEYS', { DATA_KEYS: `a:${DATA_KEY}AA` }],
    ['DATA_KEYS', { DATA_KEYS: `a:${DATA_KEY.slice(4)}` }],
    ['DATA_KEYS', { DATA_KEYS: `a:b:${DATA_KEY}` }],
    ['DATA_KEYS', { DATA_KEYS: `a:${DATA_KEY},a:${DATA_KEY}` }],
    ['DATA_ACCEPT_PLAIN', { DATA_ACCEPT_PLAIN: '1' }],
    ['DATA_ACCEPT_PLAIN', { DATA_KEYS: `a:${DATA_KEY}`, DATA_ACCEPT_PLAIN: 'yes' }],
  ])('names %s when it is wrong: %j', (variable, environment) => {
    expect(() => readConfig(environment)).toThrow(new RegExp(`^${variable} [^\\n]+$`));
  });

  it('keeps a password out of its message', () => {
    expect(() => readConfig({ REDIS_URL: 'redis://:secret@host/zero' })).not.toThrow(/secret/);
    expect(() => readConfig({ DATA_KEYS: 'id:secret' })).not.toThrow(/secret/);
  });
});
