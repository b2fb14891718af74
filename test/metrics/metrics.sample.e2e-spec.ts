/**
 * A day of the sample in a minute: what it tells Prometheus and its log, what the dashboard and the alerts make of it, and
 * that no secret is anywhere in it.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AuditLog } from '@latchkey/session';
import { StreamClient } from '../live/support/clients.js';
import type { Client } from '../sample/support/client.js';
import { resetTokenFor } from '../sample/support/outbox.js';
import { newName, PASSWORD, Sample } from '../sample/support/sample.js';
import { RedisServer } from '../support/redis-server.js';
import { parseScrape, type Sample as Series, total } from './support/exposition.js';
import { DEPLOY, Prometheus, prometheusPrograms } from './support/prometheus.js';

const METRICS_TOKEN = 'a token of sixteen or more'.replaceAll(' ', '-');
const FAR = { 'x-forwarded-for': '203.0.113.9' };

let redis: RedisServer;
let sample: Sample;
let prometheus: Prometheus | undefined;
/** What any client saw and nobody else may. */
const secrets = new Set<string>();
const lines: string[] = [];
const statuses: [path: string, status: number][] = [];

interface Entry {
  readonly level: string;
  readonly context?: string;
  readonly message: Readonly<Record<string, unknown>>;
}

beforeAll(async () => {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    jest.spyOn(stream, 'write').mockImplementation((...args: unknown[]) => {
      if (!String(args[0]).startsWith('{')) return write(...args); // Jest's own
      lines.push(...String(args[0]).trimEnd().split('\n'));
      return true;
    });
  }
  redis = await RedisServer.start();
  const env = { REDIS_URL: redis.url, LOG_FORMAT: 'json', REFRESH: 'on', METRICS_TOKEN, TRUST_PROXY: '1' };
  sample = await Sample.start({ env: { ...env, LOGIN_QUOTA: '3', POST_QUOTA: '1' } });
  prometheus = await Prometheus.start({ target: new URL(sample.url).host, token: METRICS_TOKEN });
  await aDay();
}, 60_000);
afterAll(async () => {
  jest.restoreAllMocks();
  await prometheus?.stop();
  await sample?.stop();
  await redis?.stop();
}, 30_000);

/** Keeps what a client holds. */
function keep(client: Client): Client {
  for (const secret of [client.token, client.refreshToken]) if (secret) secrets.add(secret);
  return client;
}

async function aDay(): Promise<void> {
  const names = [newName(), newName(), newName()] as const;
  for (const username of names)
    await sample.anybody().post('/auth/register', { username, password: PASSWORD }).expect(201);
  secrets.add(PASSWORD).add('correct-horse-mia').add('a wrong password').add('another long password');
  const login = (name: string, transport: 'cookie' | 'bearer') =>
    sample.anybody().login(name, PASSWORD, { transport, deviceName: 'lap-top-of-somebody' });
  const [ada, bob, cy] = [
    keep(await login(names[0], 'bearer')),
    keep(await login(names[1], 'cookie')),
    keep(await login(names[2], 'bearer')),
  ];
  const mia = keep(await sample.as('mia'));
  for (const client of [ada, bob, mia]) await client.get('/auth/me').expect(200);
  await ada.post('/posts', { text: 'hello' }).expect(201);
  await ada.post('/posts', { text: 'hello, again' }).expect(429);
  for (let i = 0; i < 5; i++) {
    const { status } = await sample
      .anybody()
      .post('/auth/login', { username: names[0], password: 'a wrong password' });
    statuses.push(['/auth/login', status]);
  }
  const old = bob.copy();
  bob.keep(await bob.askRefresh().expect(200));
  keep(bob);
  const renewed = await cy.askRefresh().expect(200);
  const used = cy.copy();
  cy.keep(renewed);
  keep(cy);
  cy.keep(await cy.askRefresh().expect(200));
  keep(cy);
  await used.askRefresh().expect(401); // twice: its session ends
  await old.get('/auth/me');
  const reset = await resetTokenFor(sample.url, names[2]);
  secrets.add(reset);
  const confirmed = { token: reset, newPassword: 'another long password' };
  await sample.anybody().post('/auth/password-reset/confirm', confirmed).expect(204);
  await sample.anybody().post('/auth/password-reset/confirm', confirmed).expect(401);
  const guess = Object.assign(sample.anybody(), { token: `${(ada.token as string).slice(0, -4)}AAAA` });
  secrets.add(guess.token);
  await guess.get('/auth/me').expect(401);
  await Object.assign(sample.anybody(), { token: 'no-token-at-all' }).get('/auth/me').expect(401);
  await ada.get('/moderation/users').expect(403);
  const stream = await StreamClient.open(sample.url, { authorization: `Bearer ${ada.token}` });
  await mia.post(`/moderation/users/${ada.userId}/block`, { reason: 'spam, and worse' }).expect(200);
  await ada.get('/auth/me').expect(403);
  await mia.delete(`/moderation/users/${ada.userId}/block`).expect(200);
  await mia.post('/auth/logout').expect(204);
  stream.close();
}

function scrape(
  headers: Record<string, string> = {},
): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      const type = response.headers['content-type'] ?? '';
      response.on('end', () => resolve({ status: response.statusCode ?? 0, type, body }));
    };
    httpRequest(`${sample.url}/metrics`, { headers }, answered).on('error', reject).end();
  });
}

const samples = async (): Promise<Series[]> => parseScrape((await scrape()).body);
const entries = (): Entry[] => lines.map((line) => JSON.parse(line) as Entry);

describe('GET /metrics', () => {
  it.each([
    ['this machine', {}, 200],
    ['somebody far away', FAR, 404],
    ['the token, far away', { ...FAR, authorization: `Bearer ${METRICS_TOKEN}` }, 200],
    ['another token, far away', { ...FAR, authorization: `Bearer ${METRICS_TOKEN}x` }, 404],
    ['a name that points here', { host: 'evil.example' }, 404],
  ])('is for %s: %#', async (_who, headers, status) => {
    const reply = await scrape(headers);
    expect(reply.status).toBe(status);
    if (status === 200) expect(reply.type).toMatch(/^text\/plain; version=0\.0\.4/);
    else expect(JSON.parse(reply.body)).toMatchObject({ code: 'not_found' });
  });

  it('counts what the clients saw', async () => {
    const now = await samples();
    const of = (name: string, labels: Record<string, string> = {}) => total(now, `latchkey_${name}`, labels);
    expect(of('logins_total', { outcome: 'ok' })).toBe(4);
    const wrong = statuses.filter(([, status]) => status === 401).length;
    expect([wrong, of('logins_total', { outcome: 'bad_credentials' })]).toEqual([3, 3]);
    expect(of('logins_total', { outcome: 'rate_limited' })).toBe(statuses.length - wrong);
    expect(of('sessions_total', { change: 'created' })).toBe(4);
    expect(of('sessions_total', { cause: 'refresh_reused' })).toBe(1);
    expect(of('acts_total', { act: 'block', outcome: 'ok' })).toBe(1);
    expect(of('act_connections_closed_total')).toBe(1);
    expect(of('connections_closed_total', { code: 'user_blocked' })).toBe(1);
    expect(of('quota_refusals_total', { quota: 'posts' })).toBe(1);
    expect(of('checks_total', { reason: 'user_blocked', context: 'http' })).toBe(1);
    expect(of('failed_tokens_total', { token: 'one_time', failure: 'unknown' })).toBe(1);
    expect(of('redis_call_duration_seconds_count', { script: 'authenticate' })).toBeGreaterThan(5);
    expect(of('storage_up')).toBe(1);
    expect(total(now, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  });
});

describe('the log', () => {
  it('has a line of JSON for each act, as the audit log has an entry', async () => {
    const acts = entries().filter(({ context }) => context === 'Acts');
    const told = acts.map(({ message: { action, outcome } }) => `${String(action)} ${String(outcome)}`);
    const { entries: audited } = await sample.app.get(AuditLog).read({ limit: 200 });
    expect(told.sort()).toEqual(audited.map(({ action, outcome }) => `${action} ${outcome}`).sort());
    expect(told).toContain('user.block ok');
    const block = acts.find(({ message }) => message['action'] === 'user.block');
    expect(block?.message).toEqual({
      action: 'user.block',
      actorId: expect.any(String),
      targetId: expect.any(String),
      ip: '127.0.0.1',
      outcome: 'ok',
      ms: expect.any(Number),
    });
  });

  it('and the metrics hold no secret that a client saw', async () => {
    const { body } = await scrape();
    expect(lines.length).toBeGreaterThan(10);
    expect(secrets.size).toBeGreaterThan(12);
    for (const text of [body, lines.join('\n')]) {
      for (const secret of secrets) expect(text).not.toContain(secret);
      expect(text).not.toMatch(/lkr?_|spam, and worse|lap-top-of-somebody|redis:\/\//);
    }
    expect(body).not.toMatch(/person-\d/);
  });
});

describe('the files of deploy', () => {
  it('pass promtool', async () => {
    const { promtool } = await prometheusPrograms();
    const run = promisify(execFile);
    const rules = join(DEPLOY, 'prometheus/alerts.yml');
    await run(promtool, ['check', 'config', (prometheus as Prometheus).configFile]);
    await run(promtool, ['check', 'rules', rules]);
    await run(promtool, ['test', 'rules', join(__dirname, 'support/alerts.test.yml')]);
  });

  it('ask for what there is: every alert and every panel', async () => {
    const server = prometheus as Prometheus;
    await server.until(async () => (await server.query('latchkey_acts_total{act="unblock"}')).length > 0);
    const alerts = await server.alerts();
    await server.until(async () => (await server.alerts()).every(({ health }) => health === 'ok'));
    const dashboard = JSON.parse(await readFile(join(DEPLOY, 'grafana/dashboard.json'), 'utf8')) as {
      panels: { title: string; targets?: { expr: string }[] }[];
    };
    const ofPanels = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect([alerts.length >= 10, ofPanels.length >= 20]).toEqual([true, true]);
    const plain = ofPanels.map((expr) =>
      expr.replaceAll('$__rate_interval', '30s').replaceAll('$realm', '.*'),
    );
    for (const expr of plain) await server.query(expr); // throws for what is no expression
    const selectors = [...plain, ...alerts.map(({ query }) => query)].flatMap(
      (expr) => expr.match(/\b(?:latchkey_|process_|nodejs_|up(?=\{))\w*(?:\{[^}]*\})?/g) ?? [],
    );
    const empty = [];
    for (const selector of new Set(selectors))
      if ((await server.query(selector)).length === 0) empty.push(selector);
    expect(empty).toEqual([]);
  }, 30_000);
});
