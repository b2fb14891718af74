import { SessionConfigurationError } from '../model/session-error.js';
import { checkOptions } from '../options/checks/options-check.js';
import type { SessionModuleOptions } from '../options/options.js';

type Options = { readonly [K in keyof Required<SessionModuleOptions>]: unknown };

/** Every option with a value, as far as they go together; the rest is in others. */
const FULL: Partial<Options> = {
  keyPrefix: 'app',
  commandTimeoutMs: 100,
  allowMemoryInProduction: true,
  clock: { now: () => 0 },
  guard: 'global',
  strict: true,
  transports: ['cookie'],
  cookie: { name: '__Host-id', sameSite: 'strict' },
  publicOrigin: 'https://app.example',
  allowedOrigins: ['https://spa.example'],
  trustProxy: 1,
  forwardedHeader: 'x-real-ip',
  lifetime: { inactivityTimeout: '5m', absoluteTimeout: '1h' },
  rememberMeLifetime: { inactivityTimeout: '5m', absoluteTimeout: '1h' },
  roleLifetimes: { admin: { inactivityTimeout: '5m', absoluteTimeout: '1h' } },
  touchInterval: '5s',
  maxSessionsPerUser: 3,
  onSessionLimit: 'reject',
  guests: {
    lifetime: { inactivityTimeout: '5m', absoluteTimeout: '1h' },
    perIp: { quota: 5, window: '1m', burst: 2 },
  },
  refresh: { accessTokenTtl: '1m', grace: 0, cookiePath: '/refresh' },
  sessionData: { maxBytes: 100, keys: [{ id: 'a', key: Buffer.alloc(32) }], acceptPlain: true },
  accessToken: 'jwt',
  jwt: {
    algorithm: 'HS256',
    issuer: 'me',
    audience: 'you',
    keys: () => Promise.resolve([]),
    clockTolerance: '1s',
  },
  rateLimits: { posts: { quota: 5, window: '1m', burst: 2, by: 'ip' } },
  defaultRateLimits: ['posts'],
  failedTokens: { quota: 5, window: '1m', burst: 2 },
  ipPolicy: { allow: ['10.0.0.0/8'], deny: ['10.0.0.1'], roles: { admin: 'office' } },
  live: { maxConnectionsPerSession: 2, maxConnectionsPerUser: 4 },
  permissions: { admin: ['post:delete'] },
  userDirectory: { load: () => Promise.resolve(undefined) },
  userDirectoryTimeout: '1s',
  maxStateAge: '1m',
  audit: { retention: '1d', maxActs: 1_000, maxRoutine: 100, maxDenials: 100 },
};

/** The paths of every option and of what is in them: `ipPolicy`, `ipPolicy.allow`. */
function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  const own = path.length === 0 ? [] : [[...path]];
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return own;
  return [...own, ...Object.entries(value).flatMap(([name, member]) => pathsOf(member, [...path, name]))];
}

function withValue(target: unknown, [name, ...rest]: readonly string[], value: unknown): unknown {
  const copy = (Array.isArray(target) ? [...(target as unknown[])] : { ...(target as object) }) as Record<
    string,
    unknown
  >;
  copy[name!] = rest.length === 0 ? value : withValue(copy[name!], rest, value);
  return copy;
}

const check = (options: unknown) => checkOptions(options as SessionModuleOptions, 'test');
const PATHS = pathsOf(FULL);

/** Documented: what they are by default allows no more than any value does. */
const MAY_BE_UNDEFINED = [
  'commandTimeoutMs',
  'allowMemoryInProduction',
  'clock',
  'cookie.name',
  'publicOrigin',
  'allowedOrigins',
  'jwt.clockTolerance',
  'permissions',
  'userDirectoryTimeout',
];

describe('an option that is there without a value', () => {
  it('is looked for in all that there are', () => {
    expect(() => check(FULL)).not.toThrow();
    expect(PATHS.length).toBeGreaterThan(60);
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ["''", ''],
    ['NaN', NaN],
  ])('stops the app, %s, at every depth', (_, value) => {
    const accepted = PATHS.filter((path) => {
      try {
        check(withValue(FULL, path, value));
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(SessionConfigurationError);
        // Where one needs the other, it is the other that is missed.
        const { option } = error as SessionConfigurationError;
        expect({ path: path.join('.'), option: option.split(/[.[]/)[0] }).toEqual({
          path: path.join('.'),
          option: path[0] === 'accessToken' ? expect.stringMatching(/^(accessToken|jwt)$/) : path[0],
        });
        return false;
      }
    });
    const names = accepted.map((path) => path.join('.'));
    expect(names).toEqual(value === undefined ? MAY_BE_UNDEFINED : []);
  });

  it('names the option, and asks whether a setting is missing', () => {
    expect(() => check({ ipPolicy: { allow: undefined } })).toThrow(
      'ipPolicy.allow is undefined: is a setting missing? Give it a value, or leave it out for the default',
    );
    expect(() => check({ guard: undefined })).toThrow('guard is undefined');
    expect(() => check({ refresh: null })).toThrow('refresh is null');
    expect(() => check({ ipPolicy: {} })).toThrow('ipPolicy is empty: give it allow, deny or roles');
    expect(() => check({ ipPolicy: { roles: {} } })).toThrow('ipPolicy.roles is empty');
  });

  it('means memory for redis, which is told, but never in production', () => {
    const options = { redis: undefined, allowMemoryInProduction: true };
    expect(checkOptions(options, 'test').storage).toMatchObject({
      kind: 'memory',
      isIntended: false,
      isRedisMissing: true,
    });
    expect(() => checkOptions(options, 'production')).toThrow(
      'redis is undefined and NODE_ENV is production',
    );
    expect(checkOptions({ allowMemoryInProduction: true }, 'production').storage).not.toHaveProperty(
      'isRedisMissing',
    );
  });
});
