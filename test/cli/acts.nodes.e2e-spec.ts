import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RevocationReceipt } from '@latchkey/session';
import type { AuditPage } from '@latchkey/session/audit';
import { bearer, StreamClient } from '../live/support/clients.js';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { Client } from '../sample/support/client.js';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn } from '../support/sessions-on.js';
import { cli } from './support/cli.js';

/** An app of its own process: nothing but Redis is between it and the command. */
let app: AppProcess;
let server: RedisServer;
let alice: Client;

beforeAll(async () => {
  await buildSample();
  server = await RedisServer.start();
  app = await AppProcess.start({ env: { REDIS_URL: server.url, LOGIN_QUOTA: '1000' } });
}, BUILD_TIMEOUT_MS);
afterAll(async () => {
  await app.stop('SIGKILL');
  await server.stop();
});
beforeEach(async () => {
  alice = await login('alice');
});

const login = (name: string): Promise<Client> => new Client(app.url).login(name, `correct-horse-${name}`);
const run = (args: readonly string[], answers?: readonly string[]) =>
  cli([...args, '--timeout', '2000'], { REDIS_URL: server.url }, answers);

describe('latchkey block', () => {
  it('ends what a running app holds at once, and its receipt and the audit log say so', async () => {
    const stream = await StreamClient.open(app.url, bearer(alice.token));
    await stream.event('hello');
    const sent = await run(
      ['block', alice.userId, '--reason', 'spam', '--for', '1h', '--as', 'olga from ops', '--json'],
      ['y'],
    );
    const doneAt = performance.now();
    const receipt = JSON.parse(sent.out) as RevocationReceipt;
    expect(sent.code).toBe(0);
    expect(receipt).toMatchObject({ userId: alice.userId, connectionsClosed: 1 });
    expect(receipt.nodes).toEqual({ confirmed: 1, expired: 0 });
    expect(sent.questions).toEqual([
      expect.stringMatching(/^Block .+ until .+Z \(spam\)\?\nroles user; \d+ live/),
    ]);
    expect((await stream.event('session-ended')).data).toMatchObject({ code: 'user_blocked' });
    expect((await stream.ended()) - doneAt).toBeLessThan(1_000);
    expect(await alice.denial()).toBe('user_blocked');

    const mia = await login('mia');
    const { events } = (await mia.get('/moderation/audit?limit=2')).body as {
      events: { action: string; actor: object; target: object; outcome: string; details: object }[];
    };
    expect(events.find(({ action }) => action === 'user.block')).toMatchObject({
      actor: { id: 'operator:olga from ops' },
      target: { username: 'alice' },
      outcome: 'ok',
      details: { reason: 'spam' },
    });
    const users = (await mia.get('/moderation/users')).body.users as { id: string; block?: { by: string } }[];
    expect(users.find(({ id }) => id === alice.userId)?.block?.by).toBe('operator:olga from ops');

    const lifted = await run(['unblock', alice.userId, '--yes']);
    expect([lifted.code, lifted.out]).toEqual([0, expect.stringContaining('is not blocked')]);
    expect(await alice.denial()).toBe('session_revoked');
  });

  it.each([
    ['without a terminal and --yes', ['--reason', 'spam'], undefined, 2, /add --yes\. Nothing was done/],
    ['to whom a person says no', ['--reason', 'spam'], [''], 1, /Nothing was done/],
    ['without a reason', ['--yes'], undefined, 2, /--reason/],
    ['for what is no duration', ['--yes', '--reason', 'x', '--for', '60'], undefined, 2, /duration/],
    [
      'until what is past',
      ['--yes', '--reason', 'x', '--until', '2020-01-01T00:00:00Z'],
      undefined,
      2,
      /past|end/,
    ],
    ['with a flag that is none', ['--yes', '--reason', 'x', '--force'], undefined, 2, /--force/],
  ])('is refused %s, and nothing happens', async (_, flags, answers, exitCode, says) => {
    const refused = await run(['block', alice.userId, ...flags], answers);
    expect(refused).toMatchObject({ code: exitCode, out: '', err: expect.stringMatching(says) as string });
    expect(await alice.denial()).toBeUndefined();
  });

  it('of a user whom nobody knows says so', async () => {
    const unknown = await run(['block', 'nemo', '--reason', 'x', '--yes']);
    expect(unknown).toMatchObject({ code: 1, out: '', err: expect.stringContaining('no record') as string });
  });
});

describe('latchkey sessions, revoke and audit', () => {
  it('list and end sessions', async () => {
    const other = await login('alice');
    const listed = await run(['sessions', alice.userId]);
    expect(listed.code).toBe(0);
    for (const { sessionId } of [alice, other]) expect(listed.out).toContain(sessionId);
    expect(listed.out).not.toMatch(/lk_/);

    const one = await run(['revoke', alice.userId, other.sessionId, '--yes', '--json']);
    expect(JSON.parse(one.out)).toMatchObject({ sessionId: other.sessionId, ended: true });
    expect([await other.denial(), await alice.denial()]).toEqual(['session_revoked', undefined]);
    expect((await run(['revoke', alice.userId, other.sessionId, '--yes'])).code).toBe(1);

    const all = await run(['revoke', alice.userId, '--yes', '--as', 'ops']);
    expect(all.out).toMatch(/logged out everywhere\. [1-9]\d* sessions? ended; no node has open connections/);
    expect(await alice.denial()).toBe('session_revoked');
    const asked = await run(['audit', '--user', 'operator:ops', '--limit', '1', '--json']);
    expect((JSON.parse(asked.out) as AuditPage).entries).toMatchObject([
      { action: 'sessions.revoke', actorId: 'operator:ops', targetId: alice.userId, outcome: 'ok' },
    ]);
    const shown = await run(['audit', '--limit', '2']);
    expect(shown.out.split('\n')[0]).toMatch(/^AT +ACTION +OUTCOME/);
    expect(shown.out).toMatch(/^More: --before \d+-\d+$/m);
  });

  it('do not let a name of a device write to the terminal', async () => {
    const node = await sessionsOn(server.url);
    await node.sessions.create('eve', { device: { name: 'a\u001b[2Jb\u202ec' } });
    const { out } = await run(['sessions', 'eve']);
    expect(out).toMatch(/a.?\[2Jb.?c/);
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    await node.close();
  });

  it('keep what an app keeps longer than the default in its audit log', async () => {
    const node = await sessionsOn(server.url, { keyPrefix: 'kept' });
    await node.sessions.create('ada');
    const redis = server.client();
    const old = Date.now() - 100 * 86_400_000;
    await redis.xadd('kept:{audit}:acts', `${old}-0`, 'outcome', 'ok', 'action', 'old', 'details', '{}');
    await run(['revoke', 'ada', '--yes', '--prefix', 'kept']);
    expect(await redis.xlen('kept:{audit}:acts')).toBe(2);
    await node.close();
  });
});

describe('the options of the command', () => {
  it('are those of the app: from a file, and refused as at boot', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-cli-'));
    const config = join(folder, 'latchkey.config.json');
    const withOptions = async (options: object, ...args: string[]) => {
      await writeFile(config, JSON.stringify(options));
      return cli([...args, '--config', config]);
    };
    try {
      const good = {
        redis: server.url,
        commandTimeoutMs: 2_000,
        guard: 'global',
        strict: true,
      };
      expect((await withOptions(good, 'sessions', alice.userId)).out).toContain(alice.sessionId);
      const other = await withOptions({ ...good, keyPrefix: 'other' }, 'sessions', alice.userId);
      expect(other).toMatchObject({ code: 1, err: expect.stringContaining('no record') as string });
      const typo = await withOptions({ ...good, keyprefix: 'lk' }, 'doctor');
      expect(typo).toMatchObject({ code: 2, err: expect.stringContaining('keyprefix') as string });
      const none = await withOptions({}, 'doctor');
      expect(none).toMatchObject({ code: 2, err: expect.stringContaining('REDIS_URL') as string });
      const missing = await cli(['doctor', '--config', join(folder, 'nothing.json')]);
      expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('ENOENT') as string });
      const away = await cli(['sessions', 'ada', '--redis', 'redis://127.0.0.1:1']);
      expect(away).toMatchObject({ code: 2, err: expect.stringContaining('did not answer') as string });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are told by help, for every command', async () => {
    const { code, out } = await cli(['help']);
    const commands = [...out.matchAll(/^ {2}latchkey (\w+)/gm)].map(([, name = '']) => name);
    expect([code, commands]).toEqual([
      0,
      ['doctor', 'sessions', 'block', 'unblock', 'revoke', 'audit', 'manifest', 'bench'],
    ]);
    for (const name of commands)
      expect(await cli([name, '--help'])).toMatchObject({
        code: 0,
        out: expect.stringContaining(name) as string,
      });
    for (const wrong of [[], ['nonsense'], ['constructor'], ['sessions'], ['sessions', 'a', 'b']])
      expect((await cli(wrong)).code).toBe(2);
  });
});

describe('latchkey manifest', () => {
  const read = { kind: 'http', method: 'GET', path: '/posts', handler: 'Posts.list', access: 'guarded' };
  const remove = {
    ...read,
    method: 'DELETE',
    path: '/posts/:id',
    roles: [['moderator', 'admin']],
    fresh: '10m',
  };

  it('prints the table, and what another one opens or closes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-cli-'));
    const write = async (name: string, content: unknown) => {
      await writeFile(join(folder, name), JSON.stringify(content));
      return join(folder, name);
    };
    try {
      const before = await write('before.json', [read, remove]);
      const table = await cli(['manifest', before]);
      expect(table.out).toMatch(/^DELETE +\/posts\/:id +guarded +roles=moderator\|admin fresh=10m$/m);
      const renamed = await write('same.json', [remove, { ...read, handler: 'Feed.list' }]);
      expect(await cli(['manifest', before, '--compare', renamed])).toMatchObject({ code: 0 });
      const { fresh: _fresh, ...loosened } = remove;
      const after = await write('after.json', [loosened, { ...read, path: '/new', access: 'public' }]);
      const compared = await cli(['manifest', before, '--compare', after]);
      expect(compared.code).toBe(1);
      expect(compared.out).toBe(
        [
          'changed  DELETE /posts/:id',
          '  - guarded roles=moderator|admin fresh=10m',
          '  + guarded roles=moderator|admin',
          'added    GET /new  public',
          'removed  GET /posts  guarded',
          '',
        ].join('\n'),
      );
      const asJson = await cli(['manifest', before, '--compare', after, '--json']);
      expect((JSON.parse(asJson.out) as object[]).length).toBe(3);
      const notOne = await cli(['manifest', await write('not.json', { a: 1 })]);
      expect(notOne).toMatchObject({ code: 2, err: expect.stringContaining('no policy manifest') as string });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('reads that of the sample', async () => {
    const { code, out } = await cli(['manifest', 'policy.manifest.json']);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^MESSAGE +\/ws announce +guarded +roles=moderator\|admin quotas=requests:600\/60s by session$/m,
    );
  });
});
