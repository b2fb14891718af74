import request from 'supertest';

export interface LoginOptions {
  readonly transport?: 'cookie' | 'bearer';
  readonly deviceName?: string;
  readonly userAgent?: string;
  readonly rememberMe?: boolean;
}

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** A client of the sample that keeps its token: a browser's cookie, or a bearer token. */
export class Client {
  userId = '';
  username = '';
  sessionId = '';
  token: string | undefined;
  /** With `REFRESH=on`. */
  refreshToken: string | undefined;
  transport: 'cookie' | 'bearer' = 'bearer';

  constructor(readonly url: string) {}

  get(path: string): request.Test {
    return this.send('get', path);
  }

  post(path: string, body?: object): request.Test {
    return this.send('post', path, body);
  }

  put(path: string, body?: object): request.Test {
    return this.send('put', path, body);
  }

  patch(path: string, body?: object): request.Test {
    return this.send('patch', path, body);
  }

  delete(path: string): request.Test {
    return this.send('delete', path);
  }

  /** Logs in and keeps the token. */
  async login(username: string, password: string, options: LoginOptions = {}): Promise<this> {
    const { transport = 'bearer', userAgent = 'jest', ...rest } = options;
    const reply = await request(this.url)
      .post('/auth/login')
      .set('User-Agent', userAgent)
      .send({ username, password, transport, ...rest })
      .expect(200);
    this.transport = transport;
    this.keep(reply);
    this.userId = reply.body.user.id;
    this.username = username;
    this.sessionId = reply.body.session.id;
    return this;
  }

  /** Keeps the tokens of a reply. */
  keep(reply: request.Response): void {
    const isCookie = this.transport === 'cookie';
    this.token = isCookie ? cookieOf(reply) : reply.body.token;
    this.refreshToken = isCookie ? cookieOf(reply, '__Secure-refresh') : reply.body.refreshToken;
  }

  /** Asks for new tokens, and keeps none of them. */
  askRefresh(): request.Test {
    const test = request(this.url).post('/auth/refresh');
    if (this.transport === 'bearer') return test.send({ refreshToken: this.refreshToken });
    return test.set('Cookie', `__Host-session=${this.token}; __Secure-refresh=${this.refreshToken}`);
  }

  /** The code of the problem that a request for my own account meets; `undefined` when it is served. */
  async denial(): Promise<string | undefined> {
    const reply = await this.get('/auth/me');
    return reply.status === 200 ? undefined : reply.body.code;
  }

  /** The same client as it is now: later logins change this one only. */
  copy(): Client {
    return Object.assign(new Client(this.url), this);
  }

  private send(method: Method, path: string, body?: object): request.Test {
    const test = request(this.url)[method](path);
    if (this.token !== undefined && this.transport === 'cookie')
      test.set('Cookie', `__Host-session=${this.token}`);
    if (this.token !== undefined && this.transport === 'bearer')
      test.set('Authorization', `Bearer ${this.token}`);
    return body === undefined ? test : test.send(body);
  }
}

/** A cookie's value in a reply; empty when it is taken back, `undefined` when there is none. */
export function cookieOf(reply: request.Response, name = '__Host-session'): string | undefined {
  const line = cookieLines(reply).find((candidate) => candidate.startsWith(`${name}=`));
  return line?.slice(name.length + 1).split(';', 1)[0];
}

export function cookieLines(reply: request.Response): readonly string[] {
  return (reply.headers['set-cookie'] ?? []) as unknown as string[];
}

/** Asserts a problem+json reply with a code. */
export function expectProblem(reply: request.Response, status: number, code: string): void {
  expect({ status: reply.status, code: reply.body.code }).toEqual({ status, code });
  expect(reply.headers['content-type']).toBe('application/problem+json');
  expect(reply.body).toMatchObject({
    type: expect.stringContaining(code),
    title: expect.any(String),
    status,
    detail: expect.any(String),
  });
  expect(JSON.stringify(reply.body)).not.toMatch(/\bat .*\.(ts|js):\d|node_modules|stack|redis/i);
  if (status === 401) expect(reply.headers['www-authenticate']).toMatch(/^Bearer /);
  if (status === 503) expect(reply.headers['retry-after']).toBe('1');
}
