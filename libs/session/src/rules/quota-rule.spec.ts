import { Logger } from '@nestjs/common';
import { SessionConfigurationError, SessionError } from '../model/session-error.js';
import type { HttpRequest } from '../contexts/http/http.js';
import { Assurance, Fresh, Permissions, Roles, Scopes } from '../guard/decorators/access.js';
import { IpAllowlist, IpDenylist, RateLimit } from '../guard/decorators/limits.js';
import { quotaRule, shareOf } from './quota-rule.js';

const QUOTA = { name: 'posts', quota: 5, window: '1m', by: 'ip' } as const;
const EMPTY = [undefined, null, '', NaN];
type Anything = (...given: unknown[]) => unknown;

describe('a decorator that is given nothing', () => {
  it.each<[string, Anything]>([
    ['@Roles()', Roles as Anything],
    ['@Permissions()', Permissions as Anything],
    ['@Scopes()', Scopes as Anything],
    ['@Fresh()', Fresh as Anything],
    ['@Assurance()', Assurance as Anything],
    ['@IpAllowlist()', IpAllowlist as Anything],
    ['@IpDenylist()', IpDenylist as Anything],
    ['@RateLimit()', RateLimit as Anything],
  ])('throws where it is written: %s', (name, decorator) => {
    const calls = [[], ...EMPTY.map((value) => [value])];
    // A name that no quota has is found at boot.
    for (const given of calls.filter(([value]) => !(name === '@RateLimit()' && value === ''))) {
      expect(() => decorator(...given)).toThrow(SessionConfigurationError);
      expect(() => decorator(...given)).toThrow(name);
    }
  });

  it('throws for every field of @RateLimit, and for one that there is not', () => {
    for (const field of [...Object.keys(QUOTA), 'burst']) {
      for (const value of EMPTY) {
        expect(() => RateLimit({ ...QUOTA, [field]: value })).toThrow(SessionConfigurationError);
      }
    }
    expect(() => RateLimit({ ...QUOTA, brust: 2 } as never)).toThrow(
      '@RateLimit().brust is an unknown option',
    );
  });
});

describe('the function by', () => {
  const request = {} as HttpRequest;
  const { policy } = quotaRule('test', QUOTA);

  it.each<[string, Function]>([
    ['async', async () => 'acme'],
    ['a generator', function* () {}],
  ])('cannot be %s', (_, by) => {
    expect(() => quotaRule('rateLimits.posts', { ...QUOTA, by: by as never })).toThrow(
      'rateLimits.posts has a function by that is async or a generator: it must return a string',
    );
  });

  it('puts those together of which it knows nothing', () => {
    expect(shareOf(policy, () => 'acme', request)).toBe('acme');
    expect(shareOf(policy, () => undefined, request)).toBe(shareOf(policy, () => '', request));
  });

  it('lets nobody in with anything else, and says so once', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const unheard = jest.fn();
    process.on('unhandledRejection', unheard);
    const odd = [
      Promise.resolve('acme'),
      Promise.reject(new Error('late')),
      5,
      0,
      null,
      {},
      ['acme'],
      Symbol('a'),
    ];
    for (const value of odd) {
      const by = (() => value) as never;
      const ask = () => shareOf(policy, by, request);
      expect(ask).toThrow(SessionError);
      expect(ask).toThrow(expect.objectContaining({ code: 'forbidden', statusCode: 403 }));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(unheard).not.toHaveBeenCalled();
    expect(log).toHaveBeenCalledTimes(odd.length);
    expect(log.mock.calls[0]![0]).toContain("by of the quota 'posts'");
    process.off('unhandledRejection', unheard);
    log.mockRestore();
  });
});
