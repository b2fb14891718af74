/** Metrics while 10,000 users come: every scrape can be read, the series stay the same, and the client counts the same. */
import { Agent, request } from 'node:http';
import { Controller, Get, Header, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Public,
  RateLimit,
  RateLimiter,
  Roles,
  SessionModule,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { SessionMetricsModule } from '@latchkey/session/metrics';
import { Registry } from 'prom-client';
import { ERROR_CODES, type SessionErrorCode } from '../../libs/session/src/model/error-codes.js';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';
import { MetricSet } from '../../libs/session/src/metrics/metric-set.js';
import { startApp, stopApps, type RunningApp } from '../support/library-app.js';
import { parseScrape, type Sample, seriesOf, total } from './support/exposition.js';

const registry = new Registry();
const agent = new Agent({ keepAlive: true, maxSockets: 32 });

@Controller()
class Shop {
  @Public()
  @Get('metrics')
  @Header('content-type', registry.contentType)
  metrics() {
    return registry.metrics();
  }

  @RateLimit({ name: 'visits', quota: 2, window: '1h', by: 'user' })
  @Get('shop')
  shop() {
    return {};
  }

  @Roles('admin')
  @Get('office')
  office() {
    return {};
  }
}

let node: RunningApp;
let url: string;
let sessions: SessionService;
let users: UserStateService;

beforeAll(async () => {
  node = await startApp({
    controllers: [Shop],
    session: { guard: 'global', failedTokens: false },
    module: { imports: [SessionMetricsModule.forRoot({ registry })] },
  });
  url = await node.app.getUrl();
  sessions = node.app.get(SessionService);
  users = node.app.get(UserStateService);
});
afterAll(async () => {
  agent.destroy();
  await stopApps();
});

function get(path: string, token?: string): Promise<{ status: number; body: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { agent, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject).end();
  });
}

const scrape = async (): Promise<Sample[]> => parseScrape((await get('/metrics')).body);

/** What each user asks for, one after the other; of every tenth more than there is. */
async function visit(index: number, statuses: Map<number, number>): Promise<void> {
  const userId = `user-${index}`;
  const { token } = await sessions.create(userId);
  const asks: [path: string, token?: string][] = [['/shop', token]];
  if (index % 10 === 1) asks.push(['/shop', token], ['/shop', token]);
  if (index % 10 === 2) asks.push(['/office', token]);
  if (index % 10 === 3) asks.push(['/shop'], ['/shop', 'nonsense'], ['/shop', `${token.slice(0, -4)}AAAA`]);
  if (index % 10 === 4) await users.block(userId, { reason: 'spam' });
  for (const [path, presented] of asks) {
    const { status } = await get(path, presented);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
}

async function visitAll(from: number, to: number, statuses: Map<number, number>): Promise<void> {
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) await visit(next++, statuses);
  };
  await Promise.all(Array.from({ length: 32 }, work));
}

it('reads, stays bounded, and agrees with the client', async () => {
  const statuses = new Map<number, number>();
  await visitAll(0, 1_000, statuses);
  const early = await scrape();
  const under: Promise<Sample[]>[] = [];
  const timer = setInterval(() => under.push(scrape()), 250);
  await visitAll(1_000, 10_000, statuses);
  clearInterval(timer);
  for (const samples of await Promise.all(under)) expect(samples.length).toBe(early.length);
  const late = await scrape();
  expect(seriesOf(late)).toEqual(seriesOf(early));
  expect(late.length).toBeLessThan(200);

  const counted = new Map<number, number>();
  for (const { name, labels, value } of late) {
    if (name !== 'latchkey_checks_total') continue;
    const status =
      labels['reason'] === 'none' ? 200 : ERROR_CODES[labels['reason'] as SessionErrorCode].status;
    counted.set(status, (counted.get(status) ?? 0) + value);
  }
  expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(statuses));
  expect(Object.keys(Object.fromEntries(statuses))).toEqual(['200', '401', '403', '429']);
  expect(total(late, 'latchkey_check_duration_seconds_count')).toBe(total(late, 'latchkey_checks_total'));
  expect(total(late, 'latchkey_sessions_total', { change: 'created', cause: 'login' })).toBe(10_000);
  expect(total(late, 'latchkey_sessions_total', { change: 'ended', cause: 'blocked' })).toBe(1_000);
  expect(total(late, 'latchkey_acts_total', { act: 'block', outcome: 'ok' })).toBe(1_000);
  expect(total(late, 'latchkey_act_confirmation_seconds_count', { act: 'block' })).toBe(1_000);
  expect(total(late, 'latchkey_quota_refusals_total', { quota: 'visits' })).toBe(1_000);
  expect(total(late, 'latchkey_failed_tokens_total', { failure: 'malformed' })).toBe(1_000);
  expect(total(late, 'latchkey_failed_tokens_total', { failure: 'unknown' })).toBe(1_000);
  expect(total(late, 'latchkey_storage_up')).toBe(1);
  expect(JSON.stringify(late)).not.toMatch(/user-|lk_/);
}, 60_000);

it('has a bound on names that an app makes up', async () => {
  const limiter = node.app.get(RateLimiter);
  for (let i = 0; i < 150; i++)
    for (const _ of [0, 1]) await limiter.consume({ name: `made-up-${i}`, quota: 1, window: '1h' }, 'all');
  const samples = (await scrape()).filter(({ name }) => name === 'latchkey_quota_refusals_total');
  expect(samples.length).toBe(101);
  expect(total(samples, 'latchkey_quota_refusals_total', { quota: 'other' })).toBe(51);
});

it('says that storage is down', async () => {
  jest
    .spyOn(node.app.get<SessionRepository>(SESSION_REPOSITORY, { strict: false }), 'ping')
    .mockRejectedValue(new Error());
  expect(total(await scrape(), 'latchkey_storage_up')).toBe(0);
});

describe('several modules', () => {
  const staff = SessionModule.forRoot({
    keyPrefix: 'staff',
    isGlobal: false,
    cookie: { name: '__Host-staff' },
  });
  const customers = SessionModule.forRoot({ keyPrefix: 'customers', isGlobal: false });
  const both = new Registry();

  @Module({ imports: [staff, SessionMetricsModule.forRoot({ registry: both, imports: [staff] })] })
  class StaffModule {
    constructor(readonly sessions: SessionService) {}
  }

  @Module({ imports: [customers, SessionMetricsModule.forRoot({ registry: both, imports: [customers] })] })
  class CustomersModule {
    constructor(readonly sessions: SessionService) {}
  }

  it('are told apart in one app, and two apps in one process; a closed one counts no more', async () => {
    const testing = await Test.createTestingModule({ imports: [StaffModule, CustomersModule] }).compile();
    const app = testing.createNestApplication({ logger: false });
    await app.init();
    const counts = async () => {
      const samples = parseScrape(await both.metrics());
      return ['staff', 'customers', 'lk'].map((realm) => total(samples, 'latchkey_checks_total', { realm }));
    };
    const check = async (of: SessionService) => void (await of.decide(undefined));
    await check(app.get(StaffModule).sessions);
    for (const _ of [0, 1]) await check(app.get(CustomersModule).sessions);
    await check(sessions); // of the other app
    expect(await counts()).toEqual([1, 2, 0]);
    const { sessions: closed } = app.get(StaffModule);
    await app.close();
    await check(closed);
    expect(await counts()).toEqual([1, 2, 0]);
  });

  it.each([
    [{ prefix: '1st_' }, /SessionMetricsModule\.prefix/],
    [{ registry: {} }, /SessionMetricsModule\.registry/],
    [{ labels: ['user'] }, /labels/],
  ])('stop the boot with %j', async (options, problem) => {
    const imports = [SessionModule.forRoot(), SessionMetricsModule.forRoot(options as object)];
    await expect(Test.createTestingModule({ imports }).compile()).rejects.toThrow(problem);
  });

  it('find names that are taken', () => {
    const own = new Registry();
    expect(MetricSet.of(own, 'a_')).toBe(MetricSet.of(own, 'a_'));
    expect(MetricSet.of(own, 'a_')).not.toBe(MetricSet.of(own, 'b_'));
  });
});
