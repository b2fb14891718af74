import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config/read-config.js';
import { developmentKeyFile } from '../../src/jwt/development-keys.js';
import { accessTokenBanner } from '../../src/jwt/access-tokens.js';
import { bootFailure } from '../../src/start.js';
import { bearer, SocketClient, StreamClient } from '../live/support/clients.js';
import { Client, expectProblem } from '../sample/support/client.js';
import { Sample } from '../sample/support/sample.js';
import { RedisServer } from '../support/redis-server.js';
import { ALGORITHMS, contentOf, newKey } from './support/keys.js';

const PASSWORD = 'correct-horse-alice';
const JWT = { ACCESS_TOKEN: 'jwt' };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-jwt-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(ALGORITHMS)(
  'two nodes of the sample with ACCESS_TOKEN=jwt JWT_ALG=%s and no key',
  (algorithm) => {
    let server: RedisServer;
    let nodes: Sample[] = [];

    beforeAll(async () => {
      server = await RedisServer.start({
        args: ['--dir', folder, '--dbfilename', algorithm, '--rdbcompression', 'no'],
      });
      const env = { REDIS_URL: server.url, LOGIN_QUOTA: '1000', JWT_ALG: algorithm, ...JWT };
      nodes = await Promise.all([Sample.start({ env }), Sample.start({ env })]);
    }, 60_000);
    afterAll(async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await server.stop();
    });

    /** The same client at the other node. */
    const elsewhere = (client: Client): Client =>
      Object.assign(new Client(nodes[1]?.url ?? ''), { ...client, url: nodes[1]?.url });
    const login = (transport: 'cookie' | 'bearer', password = PASSWORD): Promise<Client> =>
      new Client(nodes[0]?.url ?? '').login('alice', password, { transport });

    it('agree on who is logged in, by cookie and bearer, and on who no longer is', async () => {
      for (const transport of ['cookie', 'bearer'] as const) {
        const alice = await login(transport);
        expect(contentOf(alice.token ?? '').header).toEqual({
          alg: algorithm,
          typ: 'at+jwt',
          kid: `development-${algorithm}`,
        });
        expect(contentOf(alice.token ?? '').claims).toMatchObject({
          sub: alice.userId,
          sid: alice.sessionId,
        });
        expect(alice.token).not.toMatch(/admin|user"/);
        await elsewhere(alice).get('/auth/me').expect(200);
        await elsewhere(alice).post('/auth/logout').expect(204);
        expect(await alice.denial()).toBe('session_revoked');
      }
    });

    it('take no token from before a reauthentication or a password change', async () => {
      const alice = await login('bearer');
      const another = await login('bearer');
      const before = alice.copy();
      const reply = await alice.post('/auth/reauthenticate', { password: PASSWORD }).expect(200);
      alice.token = (reply.body as { token: string }).token;
      expect(contentOf(alice.token).claims['sid']).toBe(contentOf(before.token ?? '').claims['sid']);
      expect(await elsewhere(before).denial()).toBe('session_revoked');
      expect(await elsewhere(alice).denial()).toBeUndefined();

      const second = alice.copy();
      const change = { currentPassword: PASSWORD, newPassword: 'another-horse' };
      const changed = await alice.put('/auth/password', change).expect(200);
      alice.token = (changed.body as { token: string }).token;
      for (const dead of [second, another]) expect(await elsewhere(dead).denial()).toBe('session_revoked');
      expect(await elsewhere(before).denial()).toBe('session_invalid'); // two tokens back, nobody remembers it
      expect(await elsewhere(alice).denial()).toBeUndefined();
      await alice
        .put('/auth/password', { currentPassword: 'another-horse', newPassword: PASSWORD })
        .expect(200);
    });

    it('let a JWT in to streams and sockets, and end them with its session', async () => {
      const alice = await login('bearer');
      const url = nodes[1]?.url ?? '';
      const stream = await StreamClient.open(url, bearer(alice.token));
      const socket = await SocketClient.open(url, bearer(alice.token));
      expect(stream.response.statusCode).toBe(200);
      const forged = `${alice.token?.slice(0, -4)}AAAA`;
      expect((await SocketClient.refusal(url, bearer(forged))).body['code']).toBe('session_invalid');
      await alice.post('/auth/logout').expect(204);
      await stream.ended();
      expect(await socket.ended()).toMatchObject({ code: 4401 });
    });

    it('publish what is public, and keep the rest out of Redis', async () => {
      const alice = await login('cookie');
      const replies = await Promise.all(
        nodes.map(({ url }) => new Client(url).get('/.well-known/jwks.json').expect(200)),
      );
      expect(replies[0]?.body).toEqual(replies[1]?.body);
      expect(replies[0]?.headers['cache-control']).toBe('public, max-age=300');
      const file = developmentKeyFile(algorithm);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
      const [{ d, k, p, q }] = (JSON.parse(readFileSync(file, 'utf8')) as { keys: [Record<string, string>] })
        .keys;
      const secrets = [d, k, p, q].filter((secret) => secret !== undefined);
      expect(secrets.length).toBeGreaterThan(0);

      await server.client().save();
      const dump = readFileSync(join(folder, algorithm));
      expect(dump.includes('alice')).toBe(true); // it is the right file, and readable
      const jti = String(contentOf(alice.token ?? '').claims['jti']);
      for (const secret of [...secrets, jti]) {
        expect(replies[0]?.text).not.toContain(secret);
        expect(dump.includes(secret)).toBe(false);
        expect(dump.includes(Buffer.from(secret, 'base64url'))).toBe(false);
      }
      expect(dump.includes(alice.token ?? '')).toBe(false);
    });
  },
);

describe('JWT_KEYS', () => {
  const keyFile = (name: string, content: unknown): string => {
    const path = join(folder, name);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const jwk = (kid: string, members = {}) => ({
    ...newKey('EdDSA').export({ format: 'jwk' }),
    kid,
    ...members,
  });

  it('gives the sample its keys, also in production', async () => {
    const path = keyFile('good.json', { keys: [jwk('a', { activeAt: '2026-01-01T00:00:00Z' })] });
    const env = {
      ...JWT,
      JWT_KEYS: path,
      NODE_ENV: 'production',
      ALLOW_MEMORY: '1',
      PUBLIC_ORIGIN: 'https://app.example',
    };
    const node = await Sample.start({ env });
    const client = new Client(node.url);
    await client.post('/auth/register', { username: 'somebody', password: PASSWORD }).expect(201);
    await client.login('somebody', PASSWORD, { transport: 'bearer' });
    expect(contentOf(client.token ?? '')).toMatchObject({
      header: { kid: 'a', alg: 'EdDSA' },
      claims: { iss: 'https://app.example', aud: 'https://app.example' },
    });
    client.token = `${client.token}x`;
    expectProblem(await client.get('/auth/me'), 401, 'session_invalid');
    expect(accessTokenBanner(readConfig(env))).toContain(path);
    await node.stop();
  });

  it.each<[string, () => string]>([
    ['that is not there', () => join(folder, 'nowhere.json')],
    ['that is no JSON', () => keyFile('bad-1.json', 'secret-text')],
    ['without keys', () => keyFile('bad-2.json', { keys: [] })],
    [
      'with a key of another kind',
      () => keyFile('bad-3.json', { keys: [{ ...newKey('ES256').export({ format: 'jwk' }), kid: 'a' }] }),
    ],
    ['with a key without a name', () => keyFile('bad-4.json', { keys: [jwk('a b')] })],
    ['with a wrong instant', () => keyFile('bad-5.json', { keys: [jwk('a', { activeAt: 'soon' })] })],
  ])('stops the boot with one line when it names a file %s', async (_, path) => {
    const env = { ...JWT, JWT_KEYS: path() };
    const error = await Sample.start({ env }).then(
      (sample) => sample.stop(),
      (reason: unknown) => reason,
    );
    const line = bootFailure(error, readConfig(env));
    expect(line).toMatch(/^JWT_KEYS[^\n]*$/);
    expect(line).not.toContain('secret-text');
  });
});
