import type { CanActivate } from '@nestjs/common';
import {
  AllowExpired,
  Assurance,
  EnforcesAccess,
  Fresh,
  IpAllowlist,
  IpDenylist,
  OptionalSession,
  Permissions,
  Public,
  RateLimit,
  Roles,
} from '@latchkey/session';
import { Scopes } from '@latchkey/session/jwt';
import { bootKind, GUARDS, type Given } from './support/boot-kind.js';
import { FIELD, GUARDED_FIELD } from './support/kinds-graphql.js';
import { KINDS, SOCKET_IO, SOCKET_OF_MICROSERVICE } from './support/kinds.js';

type Decorator = MethodDecorator & ClassDecorator;
const once = RateLimit({ name: 'once', quota: 1, window: '1h', by: 'ip' });
const here = ['127.0.0.0/8', '::1'];

const REQUIREMENTS: readonly [string, ...Decorator[]][] = [
  ['@Roles', Roles('admin')],
  ['@Permissions', Permissions('post:delete')],
  ['@Fresh', Fresh('1m')],
  ['@Assurance', Assurance('aal2')],
  ['@AllowExpired', AllowExpired()],
  ['@Scopes', Scopes('posts:read')],
];
const LIMITS: readonly [string, ...Decorator[]][] = [
  ['@RateLimit', once],
  ['@RateLimit by user', RateLimit({ name: 'u', quota: 1, window: '1h', by: 'user' })],
  ['@IpAllowlist', IpAllowlist(['192.0.2.1'])],
  ['@IpDenylist', IpDenylist(here)],
];
const PUBLIC_LIMITS: readonly [string, ...Decorator[]][] = [
  ['@Public @RateLimit', Public(), once],
  ['@Public @IpDenylist', Public(), IpDenylist(here)],
];
const NOTHING: readonly [string, ...Decorator[]][] = [['nothing'], ['@OptionalSession', OptionalSession()]];

type Place = Omit<Given, 'kind'> & { readonly name: string };

/**
 * The first decorator with every place of a guard, the others with the two that differ most; of a variant, all of them with
 * those two. The first one on the handler and on the class with each, the others on one of them in turn.
 */
const places = (names: readonly [string, ...Decorator[]][], isVariant: boolean): Place[] =>
  names.flatMap(([name, ...decorators], i) =>
    GUARDS.filter((guard) => (i === 0 && !isVariant) || guard === 'none' || guard === 'option').flatMap(
      (guard, j) =>
        (['handler', 'class'] as const)
          .filter((_, k) => i === 0 || (i + j + k) % 2 === 0)
          .map((on) => ({ name, guard, on, decorators })),
    ),
  );

const namesTheSubject = expect.objectContaining({
  name: 'SessionConfigurationError',
  option: expect.stringMatching(/^Subject(\.act)?$/),
});

/** Boots every combination, and says of each that went wrong what it was. */
async function failuresOf(
  kind: Given['kind'],
  names: readonly [string, ...Decorator[]][],
  most: (given: Omit<Given, 'kind'>) => number,
  strict = false,
): Promise<string[]> {
  const failures: string[] = [];
  for (const given of places(names, kind.isVariant === true)) {
    const { error, ran } = await bootKind({ kind, ...given, ...(strict ? { strict } : {}) });
    const what = `${given.name} on the ${given.on}, guard: ${given.guard}: `;
    if (error !== undefined && !namesTheSubject.asymmetricMatch(error))
      failures.push(what + (error as Error).message);
    if (error === undefined && ran > most(given)) failures.push(`${what}ran ${ran} times`);
  }
  return failures;
}

describe.each(KINDS)('$name', (kind) => {
  const some = <T>(all: readonly T[]): readonly T[] => (kind.isVariant ? all.slice(0, 1) : all);

  it('runs for nobody who does not meet its requirements, or the app does not start', async () => {
    expect(await failuresOf(kind, some(REQUIREMENTS), () => 0)).toEqual([]);
  });

  it('keeps its limits, or the app does not start', async () => {
    expect(
      await failuresOf(kind, some(PUBLIC_LIMITS), ({ decorators }) => (decorators.includes(once) ? 1 : 0)),
    ).toEqual([]);
    expect(await failuresOf(kind, some(LIMITS), () => 0)).toEqual([]);
  });

  it('is open under strict only if it is public', async () => {
    const isOptional = ({ decorators }: Omit<Given, 'kind'>) => (decorators.length > 0 ? 2 : 0);
    expect(await failuresOf(kind, NOTHING, isOptional, true)).toEqual([]);
  });

  it('starts and runs when it is public, with strict and without a guard', async () => {
    const given = { kind, guard: 'none', strict: true, decorators: [Public()] } as const;
    // On the class of a gateway, so that sockets may be opened, too.
    const { error, ran, entries } = await bootKind({ ...given, on: 'class' });
    expect({ error, ran }).toEqual({ error: undefined, ran: 2 });
    expect(entries.filter(({ access }) => access !== 'public')).toEqual([]);
  });

  it('is listed as what it is', async () => {
    const isGateway = kind.name.startsWith('a gateway');
    for (const guard of GUARDS) {
      const { ran, entries } = await bootKind({ kind, guard, on: 'handler', decorators: [] });
      const entry = entries.find(({ handler }) => handler === 'Subject.act');
      expect({ guard, open: entry?.access === 'unguarded' || entry?.access === 'public' }).toEqual({
        guard,
        // The global guards of a hybrid app may reach more than can be known, and those of gateways do on Nest 12 alone.
        open: ran === 0 && (kind.app === 'hybrid-inheriting' || isGateway) ? expect.any(Boolean) : ran > 0,
      });
    }
  });
});

describe('a field that Nest runs no guards for', () => {
  const kind = FIELD;

  it.each([...REQUIREMENTS, ...LIMITS, ...PUBLIC_LIMITS])(
    'refuses to start with %s on it',
    async (...[, ...decorators]) => {
      for (const [i, guard] of GUARDS.entries()) {
        const on = i % 2 === 0 ? 'handler' : 'class';
        const { error } = await bootKind({ kind, guard, on, decorators });
        expect({ guard, on, error }).toEqual({ guard, on, error: namesTheSubject });
      }
    },
  );

  it('does not run behind a SessionGuard of its own, or the app does not start', async () => {
    const { error, ran } = await bootKind({ kind, guard: 'handler', on: 'handler', decorators: [] });
    expect(ran).toBe(0);
    expect(error).toEqual(namesTheSubject);
  });

  it('does not take the word of a guard that Nest does not run', async () => {
    @EnforcesAccess()
    class Own implements CanActivate {
      canActivate = () => false;
    }
    const given = { kind, guard: 'handler', on: 'handler', guardClass: Own } as const;
    const { error, ran } = await bootKind({ ...given, decorators: [Roles('admin')] });
    expect(ran).toBe(0);
    expect(error).toEqual(namesTheSubject);
  });
});

describe('a field that Nest runs guards for', () => {
  it('runs for nobody who does not meet its requirements, or the app does not start', async () => {
    expect(await failuresOf(GUARDED_FIELD, REQUIREMENTS.slice(0, 2), () => 0)).toEqual([]);
    expect(await failuresOf(GUARDED_FIELD, LIMITS.slice(1, 2), () => 0)).toEqual([]);
  });

  it('keeps its limits, or the app does not start', async () => {
    const most = ({ decorators }: Omit<Given, 'kind'>) => (decorators.includes(once) ? 1 : 0);
    expect(await failuresOf(GUARDED_FIELD, PUBLIC_LIMITS.slice(0, 1), most)).toEqual([]);
  });
});

describe.each([SOCKET_IO, SOCKET_OF_MICROSERVICE])('$name', (kind) => {
  it('does not start with requirements, nor under strict unless it is public', async () => {
    for (const [, ...decorators] of [...REQUIREMENTS, ...LIMITS]) {
      const { error } = await bootKind({ kind, guard: 'option', on: 'handler', decorators });
      expect(error).toMatchObject({
        option: 'Subject.act',
        message: expect.stringMatching(/SessionWsAdapter|hold for HTTP and microservices only/),
      });
    }
    const open = { kind, guard: 'option', strict: true } as const;
    const { error } = await bootKind({ ...open, on: 'handler', decorators: [] });
    expect(error).toMatchObject({ option: 'Subject', message: expect.stringContaining('SessionWsAdapter') });
    expect(await bootKind({ ...open, on: 'class', decorators: [Public()] })).not.toHaveProperty('error');
  });
});

// Nest answers no raw stream of gRPC that a guard of the app's own refuses: it rejects, and nobody hears.
describe.each(KINDS.filter(({ app, name }) => app !== 'http' && name !== '@GrpcStreamCall()'))(
  '$name',
  (kind) => {
    it('takes the word of a guard that is put before it', async () => {
      @EnforcesAccess()
      class Own implements CanActivate {
        canActivate = () => false;
      }
      const given = {
        kind,
        guard: 'class',
        on: 'class',
        guardClass: Own,
        decorators: [Roles('admin')],
      } as const;
      const { error, ran, entries } = await bootKind(given);
      expect({ error, ran }).toEqual({ error: undefined, ran: 0 });
      expect(entries).toMatchObject([
        { kind: 'rpc', handler: 'Subject.act', access: 'guarded', roles: [['admin']] },
      ]);
    });
  },
);
