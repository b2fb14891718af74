import { AuthGuard, PassportModule } from '@nestjs/passport';
import {
  IpAllowlist,
  IpAllowlists,
  RateLimit,
  SessionGuard,
  SessionModule,
  SessionService,
  UserStateService,
} from './library.mjs';
import { SessionPassportModule } from './library-passport.mjs';
import { DEVICE, userIds } from './users.mjs';

// As by default, but for the deadline: a stall of a busy machine is not what is measured.
const OPTIONS = { commandTimeoutMs: 5_000 };

const QUOTAS = [
  { name: 'requests', quota: 1_000_000, window: '1m', by: 'user' },
  { name: 'session', quota: 1_000_000, window: '1m', by: 'session' },
  { name: 'daily', quota: 1_000_000, window: '1h', burst: 1_000_000, by: 'user' },
];

async function credentials(app, { count }) {
  const users = app.get(UserStateService);
  const sessions = app.get(SessionService);
  const login = async (id) => {
    await users.ensure(id, { roles: ['user'] });
    const { token } = await sessions.create(id, { device: DEVICE });
    return { authorization: `Bearer ${token}` };
  };
  return Promise.all(userIds(count).map(login));
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

async function credentialsAndList(app, options) {
  await app.get(IpAllowlists).set('office', CIDRS);
  return credentials(app, options);
}

const build = ({ redisUrl }, { quotas = 0, options = {} } = {}) => ({
  imports: [SessionModule.forRoot({ ...OPTIONS, ...options, redis: redisUrl })],
  guards: [SessionGuard],
  decorators: quotas > 0 ? [RateLimit(...QUOTAS.slice(0, quotas))] : [],
  credentials,
});

export const builds = {
  latchkey: (context) => build(context),
  'latchkey-touch': (context) => build(context, { options: { touchInterval: 1 } }),
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
      credentials: credentialsAndList,
    };
  },
};
