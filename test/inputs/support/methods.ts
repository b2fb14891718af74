import type { Method, Slot, World } from './calls.js';
import { IDS, type Kind, KINDS, NO_FIELDS, TEXTS } from './hostile.js';

const ABSENT: readonly Kind[] = ['undefined'];
const OPTIONS: readonly Kind[] = [...ABSENT, ...NO_FIELDS];
const NUMBERS: readonly Kind[] = ['zero', 'five'];
const BOOLEANS: readonly Kind[] = ['true', 'false'];
const ROLE_NAMES: readonly Kind[] = ['text', 'text of a number', 'text of false'];
const JSON_VALUES: readonly Kind[] = [
  'undefined',
  'null',
  'true',
  'false',
  'zero',
  'five',
  'negative',
  'fraction',
  'huge',
  'empty text',
  'text',
  'text of a number',
  'text of false',
  'text with NUL',
  'half a surrogate',
  '__proto__text',
  'huge text',
  'empty list',
  'list',
  'list of null',
  'list of numbers',
  'empty object',
  'object',
  'object without prototype',
] as Kind[];

const userId: Slot = { good: () => 'alice', takes: IDS };
const flag: Slot = { good: () => true, takes: [...ABSENT, ...BOOLEANS] };
const ifEpoch: Slot = { good: ({ user }: World) => user.epoch, takes: NUMBERS };
const version: Slot = { good: () => undefined, takes: [...ABSENT, ...NUMBERS] };
const assurance: Slot = { good: () => 'aal1', takes: ABSENT };
const text: Slot = { good: () => 'a', takes: [...ABSENT, ...TEXTS] };
const device: Slot = { good: () => ({ name: 'a' }), takes: OPTIONS };
const deviceFields = { device, 'device.name': text, 'device.userAgent': text, 'device.ip': text };
const json: Slot = {
  good: () => ({ a: 1 }),
  takes: ['undefined', 'empty object', 'object', 'object without prototype'],
};
const session: Slot = { good: ({ session: own }: World) => own };
const change: Slot = { good: () => ({}), takes: OPTIONS, fields: { ifVersion: version } };
/** A token may be anything: what is none is an invalid one. */
const token: Slot = { good: ({ token: own }: World) => own, takes: ABSENT };
const requirements: Slot = {
  good: () => ({ roleGroups: [] }),
  takes: ABSENT,
  fields: {
    roleGroups: { good: () => [], takes: ['empty list'] },
    maxAuthenticationAgeMs: { good: () => 5, takes: [...ABSENT, ...NUMBERS, 'fraction', 'Infinity', 'huge'] },
    assurance,
    ip: { good: () => undefined, takes: ABSENT },
    quotas: { good: () => undefined, takes: [...ABSENT, 'empty list'] },
    withData: flag,
    allowExpired: flag,
    allowGuests: flag,
  },
};
const clientIp: Slot = { good: () => '127.0.0.1', takes: [...ABSENT, ...TEXTS] };
const origin: Slot = { good: () => ({ clientIp: '127.0.0.1' }), takes: OPTIONS, fields: { clientIp } };
const role: Slot = { good: () => 'user', takes: ROLE_NAMES };
const roles: Slot = { good: () => ['user'], takes: ['empty list', 'list'] };
const cidrs: Slot = { good: () => ['10.0.0.0/8'], takes: ['empty list'] };
const until: Slot = {
  good: () => Date.now() + 60_000,
  takes: [...ABSENT, 'zero', 'five', 'negative', 'fraction', 'date'],
};
const purpose: Slot = { good: () => 'reset', takes: ROLE_NAMES };
const listName: Slot = { good: () => 'office', takes: ROLE_NAMES };
const count: Slot = { good: () => 2, takes: ['five'] };
const quota: Slot = {
  good: () => ({ name: 'jobs', quota: 1_000, window: '1m' }),
  fields: {
    name: { good: () => 'jobs', takes: ROLE_NAMES },
    quota: count,
    window: { good: () => '1m', takes: ['five', 'fraction'] },
    burst: { ...count, takes: ['undefined', 'five'] },
  },
};
const partitionKey: Slot = { good: () => 'a', takes: TEXTS };
const cost: Slot = { good: () => 1, takes: ['undefined', 'five'] };
const shares: Slot = {
  good: () => [{ quota: { name: 'jobs', quota: 1_000, window: '1m' }, partitionKey: 'a' }],
  takes: ['empty list'],
};
const callback: Slot = { good: () => () => undefined, takes: ['function', 'class'] };
const act: Slot = {
  good: () => ({ action: 'test', outcome: 'ok' }),
  fields: {
    action: { good: () => 'test', takes: ['text', 'text of false'] },
    actorId: { good: () => 'a', takes: [...ABSENT, ...IDS, 'half a surrogate'] },
    targetId: { good: () => 'a', takes: [...ABSENT, ...IDS, 'half a surrogate'] },
    ip: { good: () => '127.0.0.1', takes: ABSENT },
    details: {
      good: () => ({}),
      takes: [...ABSENT, 'empty object', 'object', 'object without prototype'],
    },
  },
};
const entry: Slot = { ...act, fields: { ...act.fields, outcome: { good: () => 'ok' } } };
/** What Nest hands out: what its own fields throw is passed on. */
const OF_NEST: readonly Kind[] = ['object whose fields throw'];
const request: Slot = { good: ({ request: own }: World) => own, takes: OF_NEST };
const response: Slot = { good: ({ response: own }: World) => own, takes: OF_NEST };
const key: Slot = { good: () => 'a', takes: TEXTS.filter((kind) => kind !== '__proto__text') };

/** Every public method of every public service, by the name of its class. */
export const METHODS: Readonly<Record<string, Readonly<Record<string, Method>>>> = {
  SessionService: {
    create: {
      slots: [
        userId,
        {
          good: () => ({}),
          takes: OPTIONS,
          fields: {
            ...deviceFields,
            data: json,
            rememberMe: flag,
            assurance,
            ifEpoch,
            from: { good: () => undefined, takes: [...ABSENT, ...TEXTS] },
            merge: { good: () => () => ({}), takes: [...ABSENT, 'function', 'class'] },
          },
        },
      ],
    },
    createGuest: {
      slots: [{ good: () => ({}), takes: OPTIONS, fields: { clientIp, ...deviceFields, data: json } }],
    },
    authenticate: { slots: [token, requirements, origin], denial: 'session_invalid' },
    decide: { slots: [token, requirements, origin] },
    list: { slots: [userId] },
    revoke: {
      slots: [
        userId,
        { good: ({ session: own }: World) => own.id, takes: ['undefined'] },
        { good: () => 'revoked', takes: ABSENT },
      ],
    },
    sweep: { slots: [userId] },
    revokeAll: {
      slots: [
        userId,
        { good: () => ({}), takes: OPTIONS, fields: { except: { ...session, takes: ABSENT } } },
      ],
    },
    replaceToken: {
      slots: [
        session,
        {
          good: () => ({}),
          takes: OPTIONS,
          fields: { ifEpoch, reauthenticated: flag, assurance, revokeOthers: flag },
        },
      ],
    },
    refresh: {
      slots: [
        token,
        {
          good: () => ({}),
          takes: OPTIONS,
          fields: { ...deviceFields, accessToken: { good: () => undefined, takes: ABSENT } },
        },
      ],
      denial: 'session_invalid',
    },
    data: { slots: [session], isSync: true },
  },
  UserStateService: {
    get: { slots: [userId] },
    ensure: {
      slots: [
        userId,
        {
          good: () => ({}),
          takes: OPTIONS,
          fields: { roles: { ...roles, takes: ['undefined', 'empty list', 'list'] } },
        },
      ],
    },
    block: {
      slots: [
        userId,
        {
          good: () => ({ reason: 'a' }),
          fields: {
            reason: {
              good: () => 'a',
              takes: TEXTS.filter((kind) => kind !== 'empty text' && kind !== 'huge text'),
            },
            until,
            by: { ...text, takes: [...ABSENT, ...TEXTS.filter((kind) => kind !== 'huge text')] },
            ifVersion: version,
          },
        },
      ],
    },
    unblock: { slots: [userId, change] },
    setRoles: { slots: [userId, roles, change] },
    setIpAllowlist: { slots: [userId, { ...cidrs, takes: ['null', 'empty list'] }, change] },
    grant: { slots: [userId, role, change] },
    withdraw: { slots: [userId, role, change] },
    update: {
      slots: [
        userId,
        {
          good: () => ({ roles: ['user'], block: null }),
          takes: NO_FIELDS,
          fields: {
            roles: { ...roles, takes: ['undefined', 'empty list', 'list'] },
            block: { good: () => null, takes: ['undefined', 'null'] },
            'block.until': until,
            ipAllowlist: { good: () => null, takes: ['undefined', 'null', 'empty list'] },
            sourceVersion: version,
          },
        },
      ],
    },
    export: {
      slots: [
        userId,
        {
          good: () => ({}),
          takes: OPTIONS,
          fields: { auditLimit: { good: () => 5, takes: [...ABSENT, ...NUMBERS] } },
        },
      ],
    },
    erase: { slots: [userId] },
  },
  RateLimiter: {
    consume: { slots: [quota, partitionKey, cost] },
    consumeAll: { slots: [shares] },
    refundAll: { slots: [shares] },
    peek: { slots: [quota, partitionKey] },
    reset: { slots: [quota, partitionKey] },
    refund: { slots: [quota, partitionKey, cost] },
  },
  IpAllowlists: {
    get: { slots: [listName] },
    set: {
      slots: [
        listName,
        cidrs,
        {
          good: () => ({}),
          takes: OPTIONS,
          fields: { ifVersion: version, keeps: { good: () => '10.0.0.1', takes: [] } },
        },
      ],
      denial: 'would_lock_out',
    },
    holds: { slots: [{ good: () => ({ cidrs: [] }), takes: ['undefined'] }, clientIp], isSync: true },
  },
  OneTimeTokens: {
    issue: {
      slots: [
        purpose,
        userId,
        {
          good: () => ({ ttl: '1m' }),
          fields: {
            ttl: { good: () => '1m' },
            data: {
              good: () => 1,
              takes: [
                ...JSON_VALUES.filter((kind) => kind !== 'huge text'),
                ...([
                  'NaN',
                  'Infinity',
                  'object with __proto__',
                  'date',
                  'invalid date',
                  'map',
                  'promise',
                  'buffer',
                  'regexp',
                ] as const),
                ...(['thenable', 'object that cannot be text'] as const),
              ],
            },
            replaceOlder: flag,
            ifEpoch,
          },
        },
      ],
    },
    consume: {
      slots: [
        { good: () => 'lko_none' },
        purpose,
        { good: () => ({}), takes: OPTIONS, fields: { revokeAll: flag } },
      ],
      denial: 'token_invalid',
    },
    revoke: { slots: [purpose, userId] },
  },
  AuditLog: {
    append: { slots: [entry] },
    record: { slots: [act, callback] },
    read: {
      slots: [
        {
          good: () => ({}),
          takes: OPTIONS,
          fields: {
            limit: { good: () => 5, takes: ['undefined', 'five'] },
            before: { good: () => '1-0', takes: ABSENT },
            userId: { good: () => 'a', takes: [...ABSENT, ...IDS, 'half a surrogate'] },
          },
        },
      ],
    },
  },
  SessionEvents: {
    on: { slots: [{ good: () => 'user.blocked' }, callback] },
    off: { slots: [{ good: () => 'user.blocked' }, callback], isSync: true },
    forwardTo: { slots: [{ good: () => ({ emit: () => undefined }), takes: OF_NEST }] },
  },
  SessionTransport: {
    assertOrigin: { slots: [request], isSync: true },
    assertSameOrigin: { slots: [request], isSync: true },
    setCookie: {
      slots: [request, response, { good: ({ issued }: World) => issued }],
      isSync: true,
    },
    clearCookie: { slots: [response], isSync: true },
    readToken: { slots: [request], isSync: true },
    readRefreshToken: { slots: [request, { good: () => 'a', takes: KINDS }], isSync: true },
    clientIp: { slots: [request], isSync: true },
    deviceOf: { slots: [request, text], isSync: true },
  },
  EventStreams: { open: { slots: [request, response] } },
  LiveConnections: {
    register: {
      slots: [
        {
          good: ({ token: own }: World) => ({ token: own }),
          takes: NO_FIELDS,
          fields: { token, requirements: { ...requirements, fields: {} }, clientIp },
        },
      ],
      denial: 'session_invalid',
    },
  },
  SessionDataHandle: {
    get: { slots: [{ ...key, takes: [...ABSENT, ...(key.takes ?? [])] }] },
    read: { slots: [] },
    set: {
      slots: [key, { good: () => 1, takes: JSON_VALUES }, change],
    },
    merge: { slots: [{ ...json, takes: json.takes?.filter((kind) => kind !== 'undefined') ?? [] }, change] },
    delete: { slots: [key, change] },
    increment: { slots: [key, { good: () => 1, takes: ['undefined', 'zero', 'five', 'negative'] }] },
  },
  RedisThrottlerStorage: {
    increment: {
      slots: [
        { good: () => 'a', takes: TEXTS },
        { good: () => 1_000, takes: ['zero', 'five', 'negative', 'fraction', 'Infinity', 'huge'] },
        { good: () => 1_000, takes: ['zero', 'five', 'negative', 'fraction', 'Infinity', 'huge'] },
        { good: () => 1_000, takes: ['zero', 'five', 'negative', 'fraction', 'Infinity', 'huge'] },
        { good: () => 'a', takes: TEXTS },
      ],
    },
  },
  ServiceTokens: {
    sign: {
      slots: [
        {
          good: () => ({ to: 'app', scopes: ['read'] }),
          fields: {
            to: { good: () => 'app', takes: ['text', 'text of a number', 'text of false', '__proto__text'] },
            scopes: { good: () => ['read'], takes: ['empty list', 'list'] },
            subject: { good: () => 'a', takes: [...ABSENT, ...IDS] },
            ttl: { good: () => '1m', takes: ABSENT },
          },
        },
      ],
    },
    verify: { slots: [{ good: () => 'a.b.c' }], denial: 'service_token_invalid' },
    jwks: { slots: [] },
  },
};

/** What is marked `@internal`, or called by Nest. */
export const NOT_PUBLIC: ReadonlySet<string> = new Set([
  'SessionService.checkToken',
  'SessionService.parse',
  'UserStateService.load',
  'SessionDataHandle.seen',
  'SessionTransport.credentialsOf',
  'SessionTransport.tellExpiry',
  'LiveConnections.onModuleDestroy',
  'RateLimiter.onApplicationShutdown',
  'RedisThrottlerStorage.onModuleInit',
  'RedisThrottlerStorage.onApplicationShutdown',
]);
