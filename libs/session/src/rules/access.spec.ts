import { SessionConfigurationError } from '../model/session-error.js';
import { sessionOnly, mergeAccess, type DeclaredAccess } from './access.js';

const PERMISSIONS = { editor: ['post:write'], admin: ['post:write', 'post:delete'] };

function merge(onClass: DeclaredAccess, onHandler: DeclaredAccess = {}) {
  return mergeAccess(
    { class: onClass, handler: onHandler },
    {
      permissions: PERMISSIONS,
      namedQuotas: new Map(),
      defaultQuotas: [],
      ipPolicy: {},
      guests: {},
    },
    'Posts.remove',
  );
}

describe('mergeAccess', () => {
  it('guards a handler that says nothing', () => {
    expect(merge({})).toEqual({ mode: 'guarded', requirements: sessionOnly(), quotas: [] });
  });

  it('lets a handler replace the roles of its class', () => {
    expect(merge({ roles: ['admin'] }).requirements.roleGroups).toEqual([['admin']]);
    expect(merge({ roles: ['admin'] }, { roles: ['user', 'editor'] }).requirements.roleGroups).toEqual([
      ['user', 'editor'],
    ]);
  });

  it('lets a handler replace the permissions of its class, and keeps the roles beside them', () => {
    const access = merge({ roles: ['staff'], permissions: ['post:write'] }, { permissions: ['post:delete'] });
    expect(access.requirements.roleGroups).toEqual([['staff'], ['admin']]);
  });

  it('demands every permission, and of nobody one that no role brings', () => {
    const { roleGroups } = merge({ permissions: ['post:write', 'post:fly'] }).requirements;
    expect(roleGroups).toEqual([['editor', 'admin'], []]);
  });

  it('lets a handler replace freshness and assurance, each by itself', () => {
    const access = merge(
      { maxAuthenticationAgeMs: 1_000, assurance: 'aal2' },
      { maxAuthenticationAgeMs: 5_000 },
    );
    expect(access.requirements).toEqual({ roleGroups: [], maxAuthenticationAgeMs: 5_000, assurance: 'aal2' });
  });

  it('lets a handler open up what its class guards', () => {
    expect(merge({ roles: ['admin'] }, { isPublic: true }).mode).toBe('public');
    expect(merge({ roles: ['admin'] }, { isOptional: true })).toEqual({
      mode: 'optional',
      requirements: sessionOnly(),
      quotas: [],
    });
    expect(merge({ isPublic: true }, { isOptional: true }).mode).toBe('optional');
  });

  it.each<DeclaredAccess>([
    { roles: ['user'] },
    { permissions: ['post:write'] },
    { maxAuthenticationAgeMs: 0 },
    { assurance: 'aal1' },
    { allowExpired: true },
  ])('guards a handler with %j in a public and in an optional class', (onHandler) => {
    expect(merge({ isPublic: true }, onHandler).mode).toBe('guarded');
    expect(merge({ isOptional: true }, onHandler).mode).toBe('guarded');
  });

  it('lets guests in where they are meant, with nothing that only a user can meet', () => {
    const forGuests = { mode: 'guarded', requirements: { roleGroups: [], allowGuests: true }, quotas: [] };
    expect(merge({}, { allowsGuests: true })).toEqual(forGuests);
    expect(merge({ allowsGuests: true })).toEqual(forGuests);
    const strict = {
      roles: ['admin'],
      maxAuthenticationAgeMs: 1,
      assurance: 'aal2',
      allowExpired: true,
    } as const;
    for (const onClass of [strict, { isPublic: true }, { isOptional: true }, { scopes: ['orders:read'] }])
      expect(merge(onClass, { allowsGuests: true })).toEqual(forGuests);
    expect(merge({}, { allowsGuests: true, withData: true, passive: true }).requirements).toEqual({
      ...forGuests.requirements,
      withData: true,
      passive: true,
    });
  });

  it.each<DeclaredAccess>([
    { roles: ['user'] },
    { permissions: ['post:write'] },
    { maxAuthenticationAgeMs: 0 },
    { assurance: 'aal1' },
    { allowExpired: true },
    { isPublic: true },
    { isOptional: true },
    { scopes: ['orders:read'] },
  ])('lets no guest in to a handler with %j in a class for guests', (onHandler) => {
    expect(merge({ allowsGuests: true }, onHandler).requirements).not.toHaveProperty('allowGuests');
  });

  it('refuses guests where there are none', () => {
    expect(() =>
      mergeAccess(
        { class: {}, handler: { allowsGuests: true } },
        { permissions: {}, namedQuotas: new Map(), defaultQuotas: [], ipPolicy: {} },
        'Posts.remove',
      ),
    ).toThrow('Posts.remove has @AllowGuests(), and there are no guests: set the option guests');
  });

  it.each<DeclaredAccess>([
    { allowsGuests: true, roles: ['user'] },
    { allowsGuests: true, isPublic: true },
    { allowsGuests: true, isOptional: true },
    { allowsGuests: true, scopes: ['orders:read'] },
    { isPublic: true, roles: ['user'] },
    { isPublic: true, isOptional: true },
    { isOptional: true, maxAuthenticationAgeMs: 1 },
  ])('refuses %j in one place, and says where', (declared) => {
    for (const contradiction of [() => merge({}, declared), () => merge(declared, {})]) {
      expect(contradiction).toThrow(SessionConfigurationError);
      expect(contradiction).toThrow(/Posts\.remove/);
    }
  });
});
