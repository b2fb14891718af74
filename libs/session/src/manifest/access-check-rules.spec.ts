import { AllowGuests, OptionalSession, Public, Roles, Scopes } from '../guard/decorators/access.js';
import { declaredAccessOf } from '../guard/decorators/declarations.js';
import { IpAllowlist, IpDenylist, OnStoreFailure, RateLimit } from '../guard/decorators/limits.js';
import { mergeAccess } from '../rules/access.js';
import { checkStoreFailure } from './access-check-rules.js';

type Decorators = readonly (ClassDecorator & MethodDecorator)[];

/** @returns what is wrong with it; `undefined`: nothing, and whether it counts locally */
function check(
  onHandler: Decorators,
  onClass: Decorators = [],
): { readonly error?: string; readonly local?: true } {
  class Search {
    find(this: void): void {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Search.prototype, 'find')!;
  for (const decorate of onHandler) decorate(Search.prototype, 'find', descriptor);
  for (const decorate of onClass) decorate(Search);
  const found = { name: 'Search.find', handler: Search.prototype.find, class: Search };
  const declared = { handler: declaredAccessOf(found.handler), class: declaredAccessOf(Search) };
  const settings = {
    permissions: {},
    namedQuotas: new Map(),
    defaultQuotas: [],
    ipPolicy: {},
    guests: {},
  };
  const access = mergeAccess(declared, settings, found.name);
  try {
    checkStoreFailure(found, access);
    return access.countsLocally ? { local: true } : {};
  } catch (error) {
    return { error: (error as Error).message };
  }
}

const byIp = RateLimit({ name: 'search', quota: 2, window: '1m', by: 'ip' });
const byUser = RateLimit({ name: 'search', quota: 2, window: '1m', by: 'user' });
const [deny, local] = [OnStoreFailure('deny'), OnStoreFailure('local-quota')];

describe("@OnStoreFailure('local-quota')", () => {
  it.each<[string, Decorators, Decorators]>([
    ['a public handler', [Public(), byIp, local], []],
    ['a handler of a public class', [byIp, local], [Public()]],
    ['a public handler of a class that says so', [Public(), byIp], [local]],
    ['a public handler without quotas, of a class that says so', [Public()], [local]],
    ['a public handler with ranges', [Public(), byIp, local, IpAllowlist(['10.0.0.0/8'])], []],
  ])('counts locally: %s', (_, onHandler, onClass) => {
    expect(check(onHandler, onClass)).toEqual({ local: true });
  });

  it.each<[string, Decorators, Decorators, string]>([
    ['takes a session', [byUser, local], [], 'not @Public()'],
    ['takes a session, whatever its quota', [byIp, local], [], 'not @Public()'],
    ['may take a session', [OptionalSession(), byIp, local], [], 'not @Public()'],
    ['lets guests in', [AllowGuests(), byIp, local], [], 'not @Public()'],
    ['demands a role in a public class', [Roles('admin'), byIp, local], [Public()], 'not @Public()'],
    ['is guarded in a class that says so', [byIp], [local], "write @OnStoreFailure('deny')"],
    ['is for services', [Scopes('search'), byIp, local], [], 'for services'],
    ['has no quota', [Public(), local], [], 'add @RateLimit()'],
    ['has a list by name', [Public(), byIp, local, IpDenylist('rogues')], [], "the list 'rogues'"],
  ])('stops the app where a handler %s', (_, onHandler, onClass, message) => {
    expect(check(onHandler, onClass).error).toContain(message);
  });

  it("is undone by 'deny' on the handler", () => {
    expect(check([Public(), byIp, deny], [local])).toEqual({});
    expect(check([Roles('admin'), deny], [local])).toEqual({});
  });

  it('is one of two words', () => {
    expect(() => OnStoreFailure('allow' as never)).toThrow("takes 'deny' or 'local-quota', not \"allow\"");
    expect(() => OnStoreFailure(undefined as never)).toThrow('not undefined');
  });
});
