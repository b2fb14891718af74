import type { SessionErrorCode } from '@latchkey/session';
import { FakeClock } from '@latchkey/session/testing';
import type { Response } from 'supertest';
import { OWASP_COST } from '../../../src/config/app-config.js';
import { PostRepository } from '../../../src/posts/post-repository.js';
import type { ProblemCode } from '../../../src/problem/problem.js';
import { bearer, SocketClient } from '../../live/support/clients.js';
import { freePort } from '../../support/free-port.js';
import type { Client } from './client.js';
import { IMPATIENT, newName, PASSWORD, Sample } from './sample.js';

/** What the library may raise and the sample never tells under that name. */
type Untold =
  | 'user_unknown' // not_found
  | 'epoch_changed' // conflict, like those that follow
  | 'version_conflict'
  | 'would_lock_out'
  | 'session_limit_reached'
  | 'service_token_missing' // it has no routes for services
  | 'service_token_invalid';
type Told = Exclude<SessionErrorCode | ProblemCode, Untold>;

/** Members of the body besides those that every problem has. */
type Extra = 'block' | 'errors' | 'violated-policies';

interface Row {
  readonly status: number;
  readonly extra?: Extra;
  /** The ways to it, each of them a reply of the running sample. */
  readonly how: Readonly<Record<string, () => PromiseLike<Response>>>;
}

const clock = new FakeClock();
let sample: Sample;
/** With quotas that are soon used up. */
let strict: Sample;
/** With refresh tokens. */
let refreshing: Sample;
/** Whose Redis is not there. */
let cutOff: Sample;

/** Starts what the table asks. */
export async function startSamples(): Promise<void> {
  const passwordCost = OWASP_COST; // or they are hashed as fast as they come
  sample = await Sample.start({ session: { clock }, env: { TRUST_PROXY: '1' }, passwordCost });
  strict = await Sample.start({ env: { LOGIN_QUOTA: '1', POST_QUOTA: '1', SESSION_QUOTA: '3' } });
  refreshing = await Sample.start({ env: { REFRESH: 'on' } });
  cutOff = await Sample.start({
    env: { REDIS_URL: `redis://127.0.0.1:${await freePort()}`, ...IMPATIENT },
  });
  sample.app.useLogger(false); // one of the answers is to a fault of ours
}

export async function stopSamples(): Promise<void> {
  await Promise.all([sample, strict, refreshing, cutOff].map((one) => one?.stop()));
}

const login = (at: Sample, body: object) =>
  at.anybody().post('/auth/login', { transport: 'bearer', ...body });
const alice = { username: 'alice', password: 'correct-horse-alice' };
const NOBODY = 'A'.repeat(16);

async function blocked(until?: Date): Promise<Client> {
  const [user, mia] = [await sample.newcomer(), await sample.as('mia')];
  const block = { reason: 'Spam', ...(until ? { until } : {}) };
  await mia.post(`/moderation/users/${user.userId}/block`, block).expect(200);
  return user;
}

async function afterwards(user: Client, act: (user: Client) => PromiseLike<unknown>): Promise<Response> {
  await act(user);
  return user.get('/auth/me');
}

/** What the sample answers to each problem. */
export const TABLE: Readonly<Record<Told, Row>> = {
  ambiguous_credentials: {
    status: 400,
    how: {
      'a cookie and a bearer token': async () => {
        const user = await sample.as('alice');
        return user.get('/auth/me').set('Cookie', `__Host-session=${user.token}`);
      },
    },
  },
  cross_origin: {
    status: 403,
    how: {
      'a login from a foreign page': () =>
        sample.anybody().post('/auth/login', alice).set('Origin', 'https://evil.example'),
      'an act from a foreign page': async () => {
        const user = await sample.as('alice', { transport: 'cookie' });
        return user.post('/posts', { text: 'x' }).set('Sec-Fetch-Site', 'same-site');
      },
    },
  },
  session_missing: {
    status: 401,
    how: {
      'no token': () => sample.anybody().get('/auth/me'),
      'no token for a stream': () => sample.anybody().get('/events'),
    },
  },
  session_invalid: {
    status: 401,
    how: {
      'no token of ours': () => sample.anybody().get('/posts').set(bearer('lk_nonsense')),
      'a forged refresh token': async () => {
        const { refreshToken } = (await login(refreshing, alice)).body as { refreshToken: string };
        const forged = `${refreshToken.slice(0, 45)}AAAAAAAA${refreshToken.slice(53)}`;
        return refreshing.anybody().post('/auth/refresh', { refreshToken: forged });
      },
      'another secret': async () => {
        const { token = '' } = await sample.as('alice');
        return sample
          .anybody()
          .get('/posts')
          .set(bearer(`${token.slice(0, -8)}AAAAAAAA`));
      },
    },
  },
  user_blocked: {
    status: 403,
    extra: 'block',
    how: {
      'a blocked user': async () => (await blocked()).get('/auth/me'),
      'a login with the right password': async () =>
        login(sample, {
          username: (await blocked(new Date(Date.now() + 600_000))).username,
          password: PASSWORD,
        }),
    },
  },
  session_revoked: {
    status: 401,
    how: {
      'after a logout': async () =>
        afterwards(await sample.newcomer(), (user) => user.post('/auth/logout').expect(204)),
      'after a log-out everywhere': async () =>
        afterwards(await sample.newcomer(), (user) => user.delete('/sessions?scope=all').expect(200)),
      'with a refresh token that was used, and its session': async () => {
        const { body } = await login(refreshing, alice);
        const refresh = (refreshToken: string) =>
          refreshing.anybody().post('/auth/refresh', { refreshToken });
        const next = await refresh(body.refreshToken).expect(200);
        const { token } = (await refresh(next.body.refreshToken).expect(200)).body;
        await refresh(body.refreshToken).expect(401);
        return refreshing.anybody().get('/auth/me').set(bearer(token));
      },
      'with the token from before a change of password': async () => {
        const change = { currentPassword: PASSWORD, newPassword: 'another good password' };
        return afterwards(await sample.newcomer(), (user) => user.put('/auth/password', change).expect(200));
      },
    },
  },
  token_invalid: {
    status: 401,
    how: {
      'no one-time token of ours': () =>
        sample
          .anybody()
          .post('/auth/password-reset/confirm', { token: 'A'.repeat(86), newPassword: PASSWORD }),
    },
  },
  session_expired: {
    status: 401,
    how: {
      'after an hour without a request': async () => {
        const user = await sample.newcomer();
        clock.advance(3_600_001);
        return user.get('/auth/me');
      },
    },
  },
  ip_not_allowed: {
    status: 403,
    how: {
      'from an address that is not on the list': async () => {
        const root = await sample.as('root');
        const list = (cidrs: string[]) =>
          root.put('/admin/ip-allowlists/admin', { cidrs }).set('X-Forwarded-For', '192.0.2.1').expect(200);
        await list(['192.0.2.0/24']);
        const reply = await root.get('/admin/ip-allowlists/admin').set('X-Forwarded-For', '198.51.100.1');
        await list(['0.0.0.0/0', '::/0']);
        return reply;
      },
    },
  },
  rate_limited: {
    status: 429,
    extra: 'violated-policies',
    how: {
      logins: async () => {
        await login(strict, { ...alice, password: 'a wrong password' }).expect(401);
        return login(strict, alice);
      },
      posts: async () => {
        const user = await strict.as('bob');
        await user.post('/posts', { text: 'one' }).expect(201);
        return user.post('/posts', { text: 'two' });
      },
      'requests of a session': async () => {
        const user = await strict.as('mia');
        for (let i = 0; i < 3; i++) await user.get('/posts').expect(200);
        return user.get('/posts');
      },
    },
  },
  reauthentication_required: {
    status: 401,
    how: {
      'a login that is no longer fresh': async () => {
        const root = await sample.as('root');
        clock.advance(600_001);
        return root.put(`/admin/users/${NOBODY}/roles`, { roles: ['user'] });
      },
    },
  },
  forbidden: {
    status: 403,
    how: {
      'a route for others': async () => (await sample.as('alice')).get('/moderation/users'),
      'an act on a higher rank': async () => {
        const [mia, root] = [await sample.as('mia'), await sample.as('root')];
        return mia.post(`/moderation/users/${root.userId}/block`, { reason: 'x' });
      },
    },
  },
  bad_request: {
    status: 400,
    extra: 'errors',
    how: {
      'a field that does not validate': () =>
        sample.anybody().post('/auth/register', { username: 'x', password: PASSWORD }),
      'an unknown field': async () => (await sample.as('alice')).post('/posts', { text: 'x', id: '1' }),
      'no JSON': async () =>
        (await sample.as('alice')).post('/posts').set('Content-Type', 'application/json').send('{'),
      'a query that does not validate': async () => (await sample.as('alice')).get('/posts?limit=0'),
      'a path that cannot be decoded': async () => (await sample.as('alice')).post('/posts/%c0%af/like'),
      'a block that ends before it begins': async () =>
        (await sample.as('mia')).post(`/moderation/users/${NOBODY}/block`, {
          reason: 'x',
          until: '2001-01-01T00:00:00Z',
        }),
    },
  },
  bad_credentials: {
    status: 401,
    how: {
      'a wrong password': () => login(sample, { ...alice, password: 'a wrong password' }),
      'a wrong name': () => login(sample, { ...alice, username: 'nobody-of-that-name' }),
      'a wrong password to prove it again': async () =>
        (await sample.as('alice')).post('/auth/reauthenticate', { password: 'a wrong password' }),
      'a wrong password to change it': async () =>
        (await sample.as('alice')).put('/auth/password', {
          currentPassword: 'a wrong password',
          newPassword: PASSWORD,
        }),
    },
  },
  not_found: {
    status: 404,
    how: {
      'no route': () => sample.anybody().get('/nope'),
      'no such session': async () => (await sample.as('alice')).delete(`/sessions/${NOBODY}`),
      'no such post': async () => (await sample.as('alice')).post('/posts/999999/like'),
      'no such user': async () => (await sample.as('mia')).get(`/moderation/users/${NOBODY}/sessions`),
    },
  },
  conflict: {
    status: 409,
    how: {
      'a taken name': () => sample.anybody().post('/auth/register', alice),
      'an act on oneself': async () => {
        const mia = await sample.as('mia');
        return mia.post(`/moderation/users/${mia.userId}/block`, { reason: 'x' });
      },
      'a list that locks out its author': async () =>
        (await sample.as('root')).put('/admin/ip-allowlists/admin', { cidrs: ['192.0.2.0/24'] }),
    },
  },
  too_large: {
    status: 413,
    how: {
      'a body over 64 KiB': async () =>
        (await sample.as('alice')).post('/posts', { text: 'x'.repeat(64 * 1024) }),
    },
  },
  session_store_unavailable: {
    status: 503,
    how: {
      'a guarded route': () =>
        cutOff
          .anybody()
          .get('/posts')
          .set(bearer(`lk_${'A'.repeat(81)}`)),
      'a login': () => login(cutOff, alice),
      'a registration': () =>
        cutOff.anybody().post('/auth/register', { username: newName(), password: PASSWORD }),
    },
  },
  too_many_connections: {
    status: 429,
    how: {
      'the 17th connection of a session': async () => {
        const user = await sample.as('alice');
        const open = Array.from({ length: 16 }, () => SocketClient.open(sample.url, bearer(user.token)));
        const sockets = await Promise.all(open);
        const reply = await user.get('/events');
        for (const one of sockets) one.close();
        return reply;
      },
    },
  },
  unsupported_media_type: {
    status: 415,
    how: {
      'a form': async () => (await sample.as('alice')).post('/posts').type('form').send({ text: 'x' }),
    },
  },
  internal_error: {
    status: 500,
    how: {
      'a fault of ours': async () => {
        const posts = sample.app.get(PostRepository);
        posts.list = () => Promise.reject(new Error('secret: connect ECONNREFUSED /srv/app/src/x.ts:1'));
        const reply = await (await sample.as('alice')).get('/posts');
        Reflect.deleteProperty(posts, 'list');
        return reply;
      },
    },
  },
  overloaded: {
    status: 503,
    how: {
      'more logins at once than can be hashed': async () => {
        const replies = await Promise.all(
          Array.from({ length: 150 }, () => login(sample, { ...alice, password: 'a wrong password' })),
        );
        return replies.find(({ status }) => status === 503) as Response;
      },
    },
  },
};
