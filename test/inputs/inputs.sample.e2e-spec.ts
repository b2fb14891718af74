import { request as httpRequest } from 'node:http';
import { PolicyManifest } from '@latchkey/session';
import type { Client } from '../sample/support/client.js';
import { describeSample, PASSWORD, type Sample } from '../sample/support/sample.js';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** As it is written, without what a library would make of the path. */
function call({ url, token }: Client, { method, path, body }: Call): Promise<Reply> {
  const { hostname, port } = new URL(url);
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('close', () => resolve({ status: response.statusCode ?? 0, text }));
      if (response.headers['content-type']?.startsWith('text/event-stream')) response.destroy();
    });
    request.setTimeout(5_000, () => request.destroy(new Error(`${method} ${path.slice(0, 80)} hangs`)));
    request.on('error', reject).end(body);
  });
}

const ODD_IDS: readonly string[] = [
  '0',
  '-1',
  '0-0',
  '1e3',
  '%00',
  '%0A',
  '%ED%A0%80',
  '%E0%A4%A',
  '%F0%9F%98%80',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '%2e%2e%2f%2e%2e',
  '{}',
  '*',
  'A'.repeat(17),
  'A'.repeat(8_000),
  '9'.repeat(400),
];

const ODD_QUERIES: readonly string[] = [
  'before=0-0',
  'before=00-000',
  'before=0',
  'before=-',
  'before=%2B',
  'before=(1-1',
  'before=a&before=b',
  'before=1-1&before=1-2',
  'before[]=1-1',
  'before[a]=1-1',
  'before=',
  'before=%00',
  'before=%ED%A0%80',
  `before=${'9'.repeat(15)}-${'9'.repeat(16)}`,
  `before=${'9'.repeat(8_000)}`,
  'limit=1&limit=2',
  'limit[]=1',
  'limit=0',
  'limit=-1',
  'limit=1.5',
  'limit=1e2',
  'limit=0x10',
  'limit=101',
  'limit=NaN',
  'limit=',
  'limit=%00',
  'limit=99999999999999999999',
  'userId=__proto__',
  'userId=a&userId=b',
  'userId[$ne]=x',
  'scope=x',
  'scope=all&scope=others',
  'scope[]=nobody',
  'force=1',
  'force=true&force=false',
  '__proto__=1',
  '__proto__[limit]=1&constructor[prototype][limit]=1',
  'hasOwnProperty=1',
  '%',
  '=&=&&',
  Array.from({ length: 2_000 }, (_, i) => `a${i}`).join('&'),
];

/** One value for every field that some body has. */
const ODD_VALUES: readonly string[] = [
  'null',
  'true',
  '0',
  '-1e308',
  '""',
  '" "',
  '"\\u0000"',
  '"\\ud800"',
  '"__proto__"',
  '[]',
  '[[]]',
  '[null]',
  '["a","a"]',
  '{}',
  '{"length":5}',
  '{"toString":1,"valueOf":2}',
  '{"then":{}}',
  `"${'x'.repeat(60_000)}"`,
  `[${'{},'.repeat(4_000)}{}]`,
];
const FIELDS = [
  'username',
  'password',
  'transport',
  'deviceName',
  'rememberMe',
  'refreshToken',
  'currentPassword',
  'newPassword',
  'token',
  'email',
  'text',
  'reason',
  'until',
  'roles',
  'cidrs',
  'force',
] as const;
const RIGHT: Readonly<Record<string, unknown>> = {
  username: 'somebody',
  password: PASSWORD,
  currentPassword: PASSWORD,
  newPassword: PASSWORD,
  token: 'x',
  email: 'a@example.org',
  text: 'x',
  reason: 'x',
  roles: ['user'],
  cidrs: ['0.0.0.0/0', '::/0'],
};
const FIELDS_OF: Readonly<Record<string, readonly (typeof FIELDS)[number][]>> = {
  'POST /auth/register': ['username', 'password'],
  'POST /auth/login': ['username', 'password', 'transport', 'deviceName', 'rememberMe'],
  'POST /auth/refresh': ['refreshToken'],
  'POST /auth/reauthenticate': ['password'],
  'PUT /auth/password': ['currentPassword', 'newPassword'],
  'POST /auth/password-reset': ['username'],
  'POST /auth/password-reset/confirm': ['token', 'newPassword'],
  'POST /auth/email-proof': ['email'],
  'POST /auth/email-proof/confirm': ['token'],
  'POST /posts': ['text'],
  'POST /moderation/users/:id/block': ['reason', 'until'],
  'PUT /admin/users/:id/roles': ['roles'],
  'PUT /admin/ip-allowlists/:name': ['cidrs'],
  'PATCH /sessions/current/data': ['text'],
};

const served = (sample: Sample) =>
  sample.app
    .get(PolicyManifest)
    .list()
    .filter(({ kind, path }) => kind === 'http' && path !== '/auth/logout')
    .map(({ method, path }) => ({ method, path, name: `${method} ${path}` }));

describeSample('odd input', (sample) => {
  let root: Client;
  let odd: string[];
  beforeEach(async () => {
    root = await sample().as('root');
    odd = [];
  });

  async function expectAnswered(what: Call, note = ''): Promise<void> {
    const { status, text } = await call(root, what);
    const line = `${what.method} ${what.path.slice(0, 120)} ${note}`;
    if (status >= 500 || status < 200) odd.push(`${line}: ${status}`);
    if (status < 400) return;
    if (text.length > 4_096) odd.push(`${line}: ${text.length} bytes`);
    const { code, errors } = JSON.parse(text) as { code: string; errors?: unknown[] };
    if (status === 400 && code === 'bad_request' && !Array.isArray(errors)) odd.push(`${line}: no errors`);
  }

  it('in a path is answered as what it is', async () => {
    for (const { method, path } of served(sample())) {
      if (!path.includes(':')) continue;
      for (const id of ODD_IDS) {
        const body = method === 'GET' || method === 'DELETE' ? {} : { body: JSON.stringify(RIGHT) };
        await expectAnswered({ method, path: path.replace(/:\w+/, id), ...body });
        const empty = method === 'GET' || method === 'DELETE' ? {} : { body: '{}' };
        await expectAnswered({ method, path: path.replace(/:\w+/, id), ...empty });
      }
    }
    expect(odd).toEqual([]);
  }, 60_000);

  it('in a query is answered as what it is', async () => {
    for (const { method, path } of served(sample())) {
      if (path === '/events') continue;
      for (const query of ODD_QUERIES) {
        if (method === 'DELETE' && path === '/sessions' && query.includes('scope=all&')) continue;
        const body = method === 'GET' || method === 'DELETE' ? {} : { body: '{"odd":1}' };
        await expectAnswered({ method, path: `${path.replace(/:\w+/, 'A'.repeat(16))}?${query}`, ...body });
      }
    }
    expect(odd).toEqual([]);
  }, 60_000);

  it.each(['0-0', '00-0', 'x', ['1-1', '2-2']])(
    'as the cursor %j of the audit log is 400',
    async (before) => {
      const query = [before].flat().map((value) => `before=${value}`);
      const { status, text } = await call(root, {
        method: 'GET',
        path: `/moderation/audit?${query.join('&')}`,
      });
      expect(status).toBe(400);
      expect(JSON.parse(text)).toMatchObject({ code: 'bad_request', errors: [{ field: 'before' }] });
    },
  );

  it('in a body is answered as what it is', async () => {
    for (const [name, fields] of Object.entries(FIELDS_OF)) {
      const [method = '', path = ''] = name.split(' ');
      const right = Object.fromEntries(fields.filter((f) => f in RIGHT).map((f) => [f, RIGHT[f]]));
      for (const field of fields) {
        const rest = Object.entries({ ...right, [field]: undefined }).filter(
          ([, value]) => value !== undefined,
        );
        for (const value of ODD_VALUES) {
          const members = [
            ...rest.map(([key, text]) => `"${key}":${JSON.stringify(text)}`),
            `"${field}":${value}`,
          ];
          const { userId } = root;
          const body = `{${members.join(',')}}`;
          await expectAnswered(
            { method, path: path.replace(':id', userId).replace(':name', 'odd'), body },
            body.slice(0, 80),
          );
        }
      }
    }
    expect(odd).toEqual([]);
  }, 60_000);

  const FLOODS: Readonly<Record<string, (bytes: number) => string>> = {
    'a list of nothing': (bytes) => `[${'0,'.repeat(bytes / 2)}0]`,
    'a list of objects': (bytes) => `[${'{},'.repeat(bytes / 3)}{}]`,
    'many unknown fields': (bytes) =>
      `{${Array.from({ length: bytes / 10 }, (_, i) => `"k${i}":0`).join(',')}}`,
    'one long unknown field': (bytes) => `{"${'k'.repeat(bytes - 10)}":0}`,
    'long unknown fields': (bytes) =>
      `{${Array.from({ length: 40 }, (_, i) => `"${'\\u0001'.repeat(bytes / 300)}${i}":0`).join(',')}}`,
    'a list in a field': (bytes) => `{"username":[${'0,'.repeat(bytes / 2 - 10)}0]}`,
    'objects in a field': (bytes) => `{"username":[${'{"a":{}},'.repeat(bytes / 9 - 10)}0]}`,
    roles: (bytes) => `{"roles":[${'"x",'.repeat(bytes / 4 - 10)}"x"]}`,
    cidrs: (bytes) => `{"cidrs":[${'"x",'.repeat(bytes / 4 - 10)}"x"]}`,
  };

  it.each(Object.entries(FLOODS))(
    '%s gets a short reply, on every route with a body',
    async (_name, make) => {
      const body = make(64_000);
      for (const { method, path } of served(sample())) {
        if (method === 'GET' || method === 'DELETE') continue;
        await expectAnswered({ method, path: path.replace(/:\w+/, root.userId), body });
      }
      expect(odd).toEqual([]);
    },
  );

  it.each(Object.entries(FLOODS))(
    '%s costs no more than twice as much where it is twice as long',
    async (_name, make) => {
      const took = async (bytes: number): Promise<number> => {
        const body = make(bytes);
        const times: number[] = [];
        for (let i = 0; i < 15; i++) {
          const startedAt = process.cpuUsage();
          await call(root, { method: 'POST', path: '/auth/login', body });
          const { user, system } = process.cpuUsage(startedAt);
          times.push(user + system);
        }
        return Math.min(...times);
      };
      const smallest = await took(400);
      let before = await took(4_000);
      for (const bytes of [8_000, 16_000, 32_000, 64_000]) {
        const now = await took(bytes);
        expect({ bytes, isLinear: now / before < 3 || now < 4 * smallest }).toEqual({
          bytes,
          isLinear: true,
        });
        expect({ bytes, isCheap: now / smallest < 15 }).toEqual({ bytes, isCheap: true });
        before = now;
      }
    },
  );
});
