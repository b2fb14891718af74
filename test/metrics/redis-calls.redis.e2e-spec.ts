/** What is told of Redis: its calls with their outcomes, and whether it is there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { RateLimiter, SessionModule } from '@latchkey/session';
import { onTelemetry, type RedisCallMessage, type StorageMessage } from '@latchkey/session/telemetry';
import { SessionHealthIndicator } from '@latchkey/session/terminus';
import { EARLY_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn } from '../support/sessions-on.js';

/** More than a busy machine stalls. */
const TIMEOUT_MS = 400;
const UNAVAILABLE = { code: 'session_store_unavailable' };

let server: RedisServer;
const calls: RedisCallMessage[] = [];
const states: StorageMessage[] = [];
const stops = [
  onTelemetry('latchkey.redis_call', (message) => calls.push(message)),
  onTelemetry('latchkey.storage', (message) => states.push(message)),
];

beforeAll(async () => (server = await RedisServer.start()), 30_000);
beforeEach(() => [calls, states].forEach((list) => list.splice(0)));
afterAll(async () => {
  for (const stop of stops) stop();
  await server?.stop();
});

const outcomes = (): string[] => calls.map(({ script, outcome }) => `${script} ${outcome}`);

describe('a call of Redis', () => {
  it.each(['by our own batches', "by the client's commands"])('is told once: %s', async (how) => {
    const isPlain = how.startsWith('by our');
    // A client with a prefix of its own writes each call itself.
    const client = new Redis(server.port, server.host, isPlain ? {} : { keyPrefix: 'other:' });
    const on = await sessionsOn(client, { keyPrefix: 'told', commandTimeoutMs: TIMEOUT_MS });
    await client.script('FLUSH');
    const { token } = await on.sessions.create('ada');
    await on.sessions.authenticate(token);
    expect(outcomes()).toEqual(['create-session ok', 'authenticate ok']); // each is sent in full once
    for (const { durationMs, deadlineMs, realm } of calls) {
      expect([durationMs > 0 && durationMs < TIMEOUT_MS, deadlineMs, realm.name]).toEqual([
        true,
        TIMEOUT_MS,
        'told',
      ]);
    }

    calls.splice(0);
    server.freeze();
    await expect(on.sessions.authenticate(token)).rejects.toMatchObject(UNAVAILABLE);
    server.thaw();
    expect(outcomes()).toEqual(['authenticate timeout']);
    expect(calls[0]?.durationMs).toBeGreaterThanOrEqual(TIMEOUT_MS - EARLY_MS);

    calls.splice(0);
    await client.config('SET', 'maxmemory', '1');
    await expect(on.sessions.create('bob')).rejects.toMatchObject(UNAVAILABLE);
    await client.config('SET', 'maxmemory', '0');
    expect(outcomes()).toEqual(['create-session refused']);
    await on.close();
    client.disconnect();
  });

  it('is made no more once the app is closed: a share that waits to be given back', async () => {
    const testing = await Test.createTestingModule({
      imports: [SessionModule.forRoot({ redis: server.url, commandTimeoutMs: TIMEOUT_MS })],
    }).compile();
    const app = testing.createNestApplication({ logger: false });
    await app.init();
    server.freeze();
    const quota = { name: 'tries', quota: 5, window: '1m' } as const;
    await expect(app.get(RateLimiter).consume(quota, 'ada')).rejects.toMatchObject(UNAVAILABLE);
    const closing = app.close();
    server.thaw();
    await closing;
    calls.splice(0);
    await sleep(1_000);
    expect(outcomes()).toEqual([]);
  });

  it('tells when Redis goes and comes back', async () => {
    const on = await sessionsOn(server.url, { commandTimeoutMs: 150 });
    const { token } = await on.sessions.create('cy');
    expect(states.map(({ state }) => state)).toEqual(['up']);
    await server.stop();
    for (let i = 0; i < 40 && states.length < 2; i++) await sleep(50);
    await expect(on.sessions.authenticate(token)).rejects.toMatchObject(UNAVAILABLE);
    expect(outcomes().at(-1)).toBe('authenticate lost');
    await server.restart();
    for (let i = 0; i < 100 && states.length < 3; i++) await sleep(50);
    expect(states.map(({ state }) => state)).toEqual(['up', 'down', 'up']);
    await on.close();
  });
});

describe('the health indicator', () => {
  it('is up while Redis answers, and down in time while it does not', async () => {
    const testing = await Test.createTestingModule({
      imports: [TerminusModule, SessionModule.forRoot({ redis: server.url, commandTimeoutMs: 2_000 })],
      providers: [SessionHealthIndicator],
    }).compile();
    const app = testing.createNestApplication({ logger: false });
    await app.init();
    const indicator = app.get(SessionHealthIndicator);
    expect(await indicator.isHealthy('sessions')).toEqual({ sessions: { status: 'up' } });
    server.freeze();
    const startedAt = performance.now();
    const report = await indicator.isHealthy('sessions', { timeoutMs: 100 });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    server.thaw();
    const message = 'Sessions cannot be checked right now';
    expect(report).toEqual({ sessions: { status: 'down', message } });
    await expect(indicator.isHealthy('sessions', { timeoutMs: 0 })).rejects.toThrow(TypeError);
    expect(await indicator.isHealthy('sessions')).toEqual({ sessions: { status: 'up' } });
    await app.close();
  });
});
