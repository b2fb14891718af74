import * as fc from 'fast-check';
import { NAME_PATTERN, type RolePermissions, roleGroupsFor, satisfiesRoles } from './roles.js';

const ROLES = ['user', 'moderator', 'admin', '__proto__', 'constructor'];
const PERMISSIONS = ['post:read', 'post:delete', 'user:block'];

const roles = fc.uniqueArray(fc.constantFrom(...ROLES));
const permissions = fc.uniqueArray(fc.constantFrom(...PERMISSIONS));
const groups = fc.array(roles, { maxLength: 3 });
const rolePermissions: fc.Arbitrary<RolePermissions> = fc
  .array(fc.tuple(fc.constantFrom(...ROLES), permissions), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));

describe('satisfiesRoles', () => {
  it('wants one role of each group', () => {
    fc.assert(
      fc.property(roles, groups, (held, wanted) => {
        const unmet = wanted.filter(
          (group) => new Set([...group, ...held]).size === group.length + held.length,
        );
        expect(satisfiesRoles(held, wanted)).toBe(unmet.length === 0);
      }),
    );
  });

  it('is met by anybody without groups, and by nobody with an empty one', () => {
    fc.assert(
      fc.property(roles, groups, (held, wanted) => {
        expect(satisfiesRoles(held, [])).toBe(true);
        expect(satisfiesRoles(held, [...wanted, []])).toBe(false);
      }),
    );
  });

  it('is never met by losing a role', () => {
    fc.assert(
      fc.property(roles, roles, groups, (held, taken, wanted) => {
        const fewer = held.filter((role) => !taken.includes(role));
        if (satisfiesRoles(fewer, wanted)) expect(satisfiesRoles(held, wanted)).toBe(true);
      }),
    );
  });

  it('knows no role by a part of its name, nor by its case', () => {
    expect(satisfiesRoles(['administrator', 'Admin', 'admin '], [['admin']])).toBe(false);
  });
});

describe('roleGroupsFor', () => {
  it('is met by whoever has any of the roles and, from whichever role, all of the permissions', () => {
    fc.assert(
      fc.property(
        fc.record({
          held: roles,
          anyOf: fc.option(roles, { nil: undefined }),
          allOf: permissions,
          rolePermissions,
        }),
        ({ held, anyOf, allOf, rolePermissions: map }) => {
          const brought = new Set(
            held.flatMap((role) => (Object.hasOwn(map, role) ? (map[role] ?? []) : [])),
          );
          const expected =
            (anyOf === undefined || anyOf.some((role) => held.includes(role))) &&
            allOf.every((permission) => brought.has(permission));
          expect(satisfiesRoles(held, roleGroupsFor(anyOf, allOf, map))).toBe(expected);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('demands nothing where nothing is asked', () => {
    expect(roleGroupsFor(undefined, [], { admin: ['post:delete'] })).toEqual([]);
  });

  it('lets nobody have a permission that no role brings, nor one of no roles', () => {
    expect(roleGroupsFor(undefined, ['post:delete'], {})).toEqual([[]]);
    expect(roleGroupsFor([], [], {})).toEqual([[]]);
  });
});

describe('NAME_PATTERN', () => {
  it.each(['a', 'post:delete', 'Admin-2_b.c', 'x'.repeat(64)])('takes %p', (name) => {
    expect(NAME_PATTERN.test(name)).toBe(true);
  });

  it.each([
    '',
    'x'.repeat(65),
    ' a',
    'a b',
    'a|b',
    '~',
    'a\n',
    'a\u0000',
    '_a',
    '-a',
    '{a}',
    'ä',
    '__proto__',
  ])('refuses %p', (name) => {
    expect(NAME_PATTERN.test(name)).toBe(false);
  });

  it('takes nothing that would need escaping in a list', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        if (NAME_PATTERN.test(name)) expect(name).not.toMatch(/[^A-Za-z0-9_.:-]/);
      }),
    );
  });
});
