import { AuthGuard, PassportModule } from '@nestjs/passport';
import {
  IpAllowlist,
  IpAllowlists,
  RateLimit,
  SessionGuard,
  SessionModule,
  SessionService,
  SessionTransport,
  UserStateService,
} from './library.mjs';
import { SessionPassportModule } from './library-passport.mjs';
import { DEVICE } from './users.mjs';

// As by default, but for the deadline: a stall of a busy machine is not what is measured.
const OPTIONS = { commandTimeoutMs: 5_000 };

const QUOTAS = [
  { name: 'requests', quota: 1_000_000, window: '1m', by: 'user' },
  { name: 'session', quota: 1_000_000, window: '1m', by: 'session' },
  { name: 'daily', quota: 1_000_000, window: '1h', burst: 1_000_000, by: 'user' },
];

async function begin(app, id) {
  await app.get(UserStateService).ensure(id, { roles: ['user'] });
  return app.get(SessionService).create(id, { device: DEVICE });
}

const login = async (app, id) => ({ authorization: `Bearer ${(await begin(app, id)).token}` });

async function loginByCookie(app, id, { request, response }) {
  app.get(SessionTransport).setCookie(request, response, await begin(app, id));
  return {};
}

/** For others to read; the check with each request stays. */
const JWT = {
  accessToken: 'jwt',
  jwt: {
    algorithm: 'HS256',
    issuer: 'https://bench.example',
    audience: 'bench',
    keys: [{ kid: '1', secret: Buffer.alloc(32, 7) }],
  },
};
const CIDRS = ['127.0.0.0/8', '10.0.0.0/8', '::1'];

const build = ({ redisUrl }, { quotas = 0, options = {} } = {}) => ({
  imports: [SessionModule.forRoot({ ...OPTIONS, ...options, redis: redisUrl })],
  guards: [SessionGuard],
  decorators: quotas > 0 ? [RateLimit(...QUOTAS.slice(0, quotas))] : [],
  login,
});

export const builds = {
  latchkey: (context) => build(context),
  'latchkey-touch': (context) => build(context, { options: { touchInterval: 1 } }),
  'latchkey-near': (context) =>
    build(context, { options: { nearCache: { leaseMs: 2_000, maxEntries: 10_000 } } }),
  'latchkey-cookie': (context) => ({ ...build(context), login: loginByCookie }),
  'latchkey-passport': (context) => ({
    ...build(context),
    imports: [PassportModule, ...build(context).imports, SessionPassportModule],
    guards: [AuthGuard('latchkey')],
  }),
  'latchkey-jwt': (context) => build(context, { options: JWT }),
  'latchkey+quota': (context) => build(context, { quotas: 1 }),
  'latchkey+3-quotas': (context) => build(context, { quotas: 3 }),
  'latchkey+3-quotas+cidrs': (context) => {
    const built = build(context, { quotas: 3 });
    return { ...built, decorators: [...built.decorators, IpAllowlist(CIDRS)] };
  },
  'latchkey+3-quotas+list': (context) => {
    const built = build(context, { quotas: 3 });
    return {
      ...built,
      decorators: [...built.decorators, IpAllowlist('office')],
      configure: (app) => app.init().then(() => app.get(IpAllowlists).set('office', CIDRS)),
    };
  },
};
