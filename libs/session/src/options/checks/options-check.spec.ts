// Over 250 lines: one row for each option that cannot work.
import { SessionConfigurationError } from '../../model/session-error.js';
import { checkOptions } from './options-check.js';
import type { SessionModuleOptions } from '../options.js';

const directory = { load: () => Promise.resolve(undefined) };
const DATA_KEY = { id: 'a', key: Buffer.alloc(32, 7).toString('base64') };

describe('checkOptions', () => {
  it('fills in the defaults', () => {
    expect(checkOptions({}, 'test')).toMatchObject({
      lifetime: { inactivityTimeoutMs: 3_600_000, absoluteTimeoutMs: 86_400_000 },
      rememberMeLifetime: { inactivityTimeoutMs: 14 * 86_400_000, absoluteTimeoutMs: 30 * 86_400_000 },
      roleLifetimes: new Map(),
      touchIntervalMs: 60_000,
      maxSessionsPerUser: 100,
      onSessionLimit: 'evict-oldest',
      rememberEndedMs: 86_400_000,
      maxEndedSessions: 50,
      refresh: { isOn: false, accessTokenTtlMs: 600_000, graceMs: 10_000 },
      permissions: {},
      guardGlobally: false,
      strict: false,
      failedTokens: { quota: 600, windowMs: 60_000, burst: 600 },
      storage: { kind: 'memory', isIntended: false },
      transport: {
        cookieEnabled: true,
        bearerEnabled: true,
        cookieName: '__Host-session',
        sameSite: 'lax',
        forwardedHeader: 'x-forwarded-for',
      },
    });
    expect(checkOptions({}, 'test')).not.toHaveProperty('maxStateAgeMs');
    const { storage } = checkOptions({ redis: 'redis://localhost' }, 'production');
    const byDefault = { keyPrefix: 'lk', realm: { name: 'lk' }, commandTimeoutMs: 180 };
    expect(storage).toEqual({ kind: 'redis', redis: 'redis://localhost', ...byDefault });
  });

  it('takes what it is given', () => {
    const settings = checkOptions(
      {
        guard: 'global',
        strict: true,
        transports: ['cookie'],
        cookie: { name: '__Host-id', sameSite: 'strict' },
        publicOrigin: 'https://APP.example:443/',
        trustProxy: ['10.0.0.0/8', '::1'],
        forwardedHeader: 'CF-Connecting-IP',
        roleLifetimes: { admin: { inactivityTimeout: '15m', absoluteTimeout: '8h' } },
        touchInterval: 5_000,
        permissions: { admin: ['post:delete'] },
        allowMemoryInProduction: true,
      },
      'production',
    );
    expect(settings).toMatchObject({
      guardGlobally: true,
      strict: true,
      roleLifetimes: new Map([['admin', { inactivityTimeoutMs: 900_000, absoluteTimeoutMs: 28_800_000 }]]),
      touchIntervalMs: 5_000,
      storage: { kind: 'memory', isIntended: true },
      transport: {
        cookieEnabled: true,
        bearerEnabled: false,
        cookieName: '__Host-id',
        sameSite: 'strict',
        publicOrigin: 'https://app.example',
        trustProxy: ['10.0.0.0/8', '::1'],
        forwardedHeader: 'cf-connecting-ip',
      },
    });
  });

  it('takes true for the defaults of refresh tokens, and gives them a cookie', () => {
    const on = checkOptions({ refresh: true });
    expect(on.refresh).toEqual({ isOn: true, accessTokenTtlMs: 600_000, graceMs: 10_000 });
    expect(on.transport.refreshCookiePath).toBe('/auth/refresh');
    const own = checkOptions({ refresh: { accessTokenTtl: '5m', grace: 0, cookiePath: '/api/v1/tokens' } });
    expect(own.refresh).toEqual({ isOn: true, accessTokenTtlMs: 300_000, graceMs: 0 });
    expect(own.transport.refreshCookiePath).toBe('/api/v1/tokens');
    expect(checkOptions({ refresh: false }).transport).not.toHaveProperty('refreshCookiePath');
  });

  it('gives a user directory an age, 5 minutes unless told', () => {
    expect(checkOptions({ userDirectory: directory }).maxStateAgeMs).toBe(300_000);
    expect(checkOptions({ userDirectory: directory, maxStateAge: '1h' }).maxStateAgeMs).toBe(3_600_000);
    expect(checkOptions({ userDirectory: directory, maxStateAge: 0 }).maxStateAgeMs).toBe(Infinity);
  });

  test.each<[option: string, options: unknown]>([
    ['options', undefined],
    ['options', 'redis://localhost'],
    ['redis', { redis: '' }],
    ['redis', { redis: 'localhost:6379' }],
    ['redis', { redis: 'http://localhost' }],
    ['redis', { redis: 6379 }],
    ['redis', { redis: ['redis://a'] }],
    ['redis', { redis: null }],
    ['keyPrefix', { keyPrefix: '' }],
    ['keyPrefix', { keyPrefix: 'a{b}' }],
    ['keyPrefix', { keyPrefix: 'a b' }],
    ['commandTimeoutMs', { commandTimeoutMs: 9 }],
    ['commandTimeoutMs', { commandTimeoutMs: 10_001 }],
    ['commandTimeoutMs', { commandTimeoutMs: '200' }],
    ['commandTimeoutMs', { commandTimeoutMs: NaN }],
    ['nearCache', { nearCache: 'on' as never }],
    ['rateLimits.a', { rateLimits: { a: { quota: 10, window: '1m', by: 'user', batch: 6 } } }],
    ['rateLimits.a', { rateLimits: { a: { quota: 10, window: '1m', by: 'ip', batch: 2 } } }],
    ['nearCache.leaseMs', { nearCache: { leaseMs: 50 } }],
    ['nearCache.leaseMs', { nearCache: { leaseMs: 60_000 } }],
    ['nearCache.maxEntries', { nearCache: { maxEntries: -1 } }],
    ['nearCache.size', { nearCache: { size: 1 } as never }],
    ['replicas', { replicas: 2 }],
    ['replicas', { redis: 'redis://127.0.0.1', replicas: 0 }],
    ['replicas', { redis: 'redis://127.0.0.1', replicas: '2' }],
    ['durability', { redis: 'redis://127.0.0.1', durability: 'all-replicas' }],
    ['durability', { redis: 'redis://127.0.0.1', replicas: 1, durability: 'disk' }],
    ['allowMemoryInProduction', { allowMemoryInProduction: 'yes' }],
    ['clock', { clock: {} }],
    ['clock', { redis: 'redis://localhost', clock: { now: () => 0 } }],
    ['guard', { guard: 'everywhere' }],
    ['guard', { guard: true }],
    ['strict', { strict: 'yes' }],
    ['transports', { transports: [] }],
    ['transports', { transports: 'cookie' }],
    ['transports', { transports: ['header'] }],
    ['cookie', { cookie: 'sid' }],
    ['cookie.path', { cookie: { path: '/' } }],
    ['cookie.name', { cookie: { name: 'sid' } }],
    ['cookie.name', { cookie: { name: '__Host-a b' } }],
    ['cookie.name', { cookie: { name: '__Host-' } }],
    ['cookie.sameSite', { cookie: { sameSite: 'none' } }],
    ['sessionData', { sessionData: [] }],
    ['sessionData.key', { sessionData: { key: 'x' } }],
    ['sessionData.maxBytes', { sessionData: { maxBytes: 1 } }],
    ['sessionData.maxBytes', { sessionData: { maxBytes: 1_048_577 } }],
    ['sessionData.acceptPlain', { sessionData: { acceptPlain: true } }],
    ['sessionData.acceptPlain', { sessionData: { keys: [DATA_KEY], acceptPlain: 1 } }],
    ['sessionData.keys', { sessionData: { keys: [] } }],
    ['sessionData.keys', { sessionData: { keys: DATA_KEY } }],
    ['sessionData.keys', { sessionData: { keys: [DATA_KEY, DATA_KEY] } }],
    ['sessionData.keys[0]', { sessionData: { keys: ['x'] } }],
    ['sessionData.keys[0].kid', { sessionData: { keys: [{ kid: 'a', ...DATA_KEY }] } }],
    ['sessionData.keys[1].id', { sessionData: { keys: [DATA_KEY, { ...DATA_KEY, id: 'a:b' }] } }],
    ['sessionData.keys[0].id', { sessionData: { keys: [{ key: DATA_KEY.key }] } }],
    ['sessionData.keys[0].key', { sessionData: { keys: [{ id: 'a' }] } }],
    ['sessionData.keys[0].key', { sessionData: { keys: [{ id: 'a', key: Buffer.alloc(31) }] } }],
    ['sessionData.keys[0].key', { sessionData: { keys: [{ id: 'a', key: 'k'.repeat(32) }] } }],
    ['sessionData.keys[0].key', { sessionData: { keys: [{ id: 'a', key: `${DATA_KEY.key} ` }] } }],
    ['publicOrigin', { publicOrigin: 'app.example' }],
    ['publicOrigin', { publicOrigin: 'https://app.example/login' }],
    ['publicOrigin', { publicOrigin: 'https://user@app.example' }],
    ['publicOrigin', { publicOrigin: 'https://app.example/?' }],
    ['publicOrigin', { publicOrigin: 'ftp://app.example' }],
    ['publicOrigin', { publicOrigin: '' }],
    ['trustProxy', { trustProxy: -1 }],
    ['trustProxy', { trustProxy: 1.5 }],
    ['trustProxy', { trustProxy: true }],
    ['trustProxy', { trustProxy: 'loopback' }],
    ['trustProxy', { trustProxy: [] }],
    ['trustProxy', { trustProxy: ['10.0.0.0/40'] }],
    ['forwardedHeader', { forwardedHeader: 'x forwarded' }],
    ['forwardedHeader', { forwardedHeader: '' }],
    ['forwardedHeader', { forwardedHeader: 'x-real-ip' }],
    ['lifetime', { lifetime: 'aal4' }],
    ['lifetime', { lifetime: 'constructor' }],
    ['lifetime', { lifetime: 60 }],
    ['lifetime', { lifetime: { inactivityTimeout: '1h' } }],
    ['lifetime', { lifetime: { inactivityTimeout: '2h', absoluteTimeout: '1h' } }],
    ['lifetime.absoluteTimeoutMs', { lifetime: { inactivityTimeout: '1h', absoluteTimeoutMs: 5 } }],
    ['rememberMeLifetime', { rememberMeLifetime: { inactivityTimeout: '1 h', absoluteTimeout: '2h' } }],
    ['roleLifetimes', { roleLifetimes: [] }],
    ['roleLifetimes', { roleLifetimes: { 'a b': 'aal3' } }],
    ['roleLifetimes.admin', { roleLifetimes: { admin: 'strict' } }],
    ['touchInterval', { touchInterval: 'often' }],
    ['touchInterval', { touchInterval: -1 }],
    ['maxSessionsPerUser', { maxSessionsPerUser: 0 }],
    ['maxSessionsPerUser', { maxSessionsPerUser: Infinity }],
    ['onSessionLimit', { onSessionLimit: 'evict' }],
    ['refresh', { refresh: 'on' }],
    ['refresh', { refresh: null }],
    ['refresh.ttl', { refresh: { ttl: '5m' } }],
    ['refresh.accessTokenTtl', { refresh: { accessTokenTtl: 0 } }],
    ['refresh.accessTokenTtl', { refresh: { accessTokenTtl: '25h' } }],
    ['refresh.accessTokenTtl', { refresh: { accessTokenTtl: 'soon' } }],
    ['refresh.grace', { refresh: { grace: '61s' } }],
    ['refresh.grace', { refresh: { grace: -1 } }],
    ['refresh.cookiePath', { refresh: { cookiePath: 'auth' } }],
    ['refresh.cookiePath', { refresh: { cookiePath: '/a; Domain=evil' } }],
    ['rateLimits', { rateLimits: [] }],
    ['rateLimits.posts', { rateLimits: { posts: { quota: 0, window: '1m', by: 'user' } } }],
    ['rateLimits.posts.limit', { rateLimits: { posts: { limit: 5, window: '1m', by: 'user' } } }],
    ['defaultRateLimits', { defaultRateLimits: ['posts'] }],
    ['failedTokens', { failedTokens: true }],
    ['failedTokens', { failedTokens: 600 }],
    ['failedTokens', { failedTokens: { quota: 0, window: '1m' } }],
    ['failedTokens', { failedTokens: { quota: 5 } }],
    ['failedTokens.by', { failedTokens: { quota: 5, window: '1m', by: 'ip' } }],
    ['permissions', { permissions: ['post:delete'] }],
    ['permissions', { permissions: { 'ad min': [] } }],
    ['permissions.admin', { permissions: { admin: 'post:delete' } }],
    ['permissions.admin', { permissions: { admin: ['post delete'] } }],
    ['userDirectory', { userDirectory: {} }],
    ['userDirectory', { userDirectory: () => undefined }],
    ['maxStateAge', { maxStateAge: '5m' }],
    ['maxStateAge', { userDirectory: directory, maxStateAge: 'never' }],
    ['isGlobal', { isGlobal: true }],
  ])('a wrong %s stops the app with its name: %j', (option, options) => {
    const check = () => checkOptions(options as SessionModuleOptions, 'test');
    expect(check).toThrow(SessionConfigurationError);
    expect(check).toThrow(expect.objectContaining({ option }));
    expect(check).toThrow(`@latchkey/session: ${option} `);
  });

  it('guesses what an unknown option was meant to be', () => {
    const check = (options: object) => () => checkOptions(options, 'test');
    expect(check({ redisUrl: 'redis://localhost' })).toThrow(
      'redisUrl is an unknown option: did you mean redis?',
    );
    expect(check({ maxSessions: 5 })).toThrow(
      'maxSessions is an unknown option: did you mean maxSessionsPerUser?',
    );
    expect(check({ cookie: { samesite: 'lax' } })).toThrow(
      'cookie.samesite is an unknown option: did you mean cookie.sameSite?',
    );
    expect(check({ secret: 'x' })).toThrow(/secret is an unknown option$/);
  });

  it('says what was given: the value, or its kind where it may be a secret', () => {
    const check = (options: object) => () => checkOptions(options, 'test');
    expect(check({ keyPrefix: 'a b' })).toThrow(/keyPrefix must be 1–64 letters.*, not "a b"/);
    expect(check({ maxSessionsPerUser: 1n })).toThrow(
      'must be a whole number from 1 to 10000, not this bigint',
    );
    expect(check({ refresh: { grace: '2m' } })).toThrow('refresh.grace must be at most 60s, not 2m');
    expect(check({ sessionData: 'hunter2' })).toThrow(/sessionData must be an object, not this text$/);
    expect(check({ live: [] })).toThrow('live must be an object, not a list');
  });

  it('refuses memory in production unless asked for, and only there', () => {
    expect(() => checkOptions({}, 'production')).toThrow(expect.objectContaining({ option: 'redis' }));
    expect(() => checkOptions({ allowMemoryInProduction: false }, 'production')).toThrow(
      SessionConfigurationError,
    );
    expect(checkOptions({ allowMemoryInProduction: true }, 'production').storage.kind).toBe('memory');
    expect(checkOptions({}, 'development').storage.kind).toBe('memory');
  });

  it('never prints a Redis password', () => {
    expect(() => checkOptions({ redis: 'http://:hunter2@localhost' })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });
});
