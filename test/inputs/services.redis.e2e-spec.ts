import { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  AuditLog,
  EventStreams,
  IpAllowlists,
  OneTimeTokens,
  RateLimiter,
  SessionConfigurationError,
  SessionError,
  SessionEvents,
  SessionModule,
  SessionService,
  SessionTransport,
  UserStateService,
} from '@latchkey/session';
import { LiveConnections } from '@latchkey/session/live';
import { ServiceTokens } from '@latchkey/session/jwt';
import { RedisThrottlerStorage } from '@latchkey/session/throttler';
import {
  AUDIT_REPOSITORY,
  ONE_TIME_TOKEN_REPOSITORY,
  SESSION_REPOSITORY,
} from '../../libs/session/src/options/injection-keys.js';
import { SessionDataHandle } from '../../libs/session/src/services/data/session-data-handle.js';
import { newKey, ringKey } from '../jwt/support/keys.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { type Method, type Trial, trialsOf, type World } from './support/calls.js';
import { METHODS, NOT_PUBLIC } from './support/methods.js';

const CLASSES = {
  SessionService,
  UserStateService,
  RateLimiter,
  IpAllowlists,
  OneTimeTokens,
  AuditLog,
  SessionEvents,
  SessionTransport,
  EventStreams,
  LiveConnections,
  SessionDataHandle,
  RedisThrottlerStorage,
  ServiceTokens,
};
const PATIENCE_MS = 5_000;
/** What V8 says of code that did not look before it used a value. */
const UNCHECKED =
  /Cannot (read|set|destructure|convert|mix|use)|is not (a function|iterable|a constructor)|of (undefined|null)\b|Invalid value used|Do not know how|toString of the caller/;

/** A method of TypeScript's `private` is one at run time. Ours that are private are listed nowhere, and so are named here. */
function methodsOf(prototype: object): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name, { value }]) => name !== 'constructor' && typeof value === 'function')
    .map(([name]) => name);
}

describe.each(['memory', 'redis'])('whatever is given to a public method (%s)', (storage) => {
  let redis: RedisServer | undefined;
  let app: INestApplication;
  let world: World;
  const calls: string[] = [];
  const services: Record<string, object> = {};
  const rejections: unknown[] = [];
  const onRejection = (error: unknown) => void rejections.push(error);

  beforeAll(async () => {
    process.on('unhandledRejection', onRejection);
    redis = storage === 'redis' ? await RedisServer.start() : undefined;
    const testing = await Test.createTestingModule({
      imports: [
        SessionModule.forRoot({
          guests: { perIp: false },
          ...(redis ? { redis: redis.url, commandTimeoutMs: PATIENT_MS } : { allowMemoryInProduction: true }),
        }),
      ],
    }).compile();
    app = testing.createNestApplication({ logger: false });
    await app.init();
    for (const name of Object.keys(CLASSES) as (keyof typeof CLASSES)[]) {
      if (name === 'SessionDataHandle' || name === 'RedisThrottlerStorage' || name === 'ServiceTokens')
        continue;
      services[name] = app.get(CLASSES[name] as never);
    }
    const keys = [ringKey('a', newKey('EdDSA'))];
    services['ServiceTokens'] = await ServiceTokens.open({
      service: 'app',
      signing: { algorithm: 'EdDSA', keys },
    });
    if (redis) services['RedisThrottlerStorage'] = RedisThrottlerStorage.beside(app.get(RateLimiter));
    watch(app.get(SESSION_REPOSITORY, { strict: false }));
    watch(app.get(AUDIT_REPOSITORY, { strict: false }));
    watch(app.get(ONE_TIME_TOKEN_REPOSITORY, { strict: false }));
  });
  beforeEach(async () => {
    await app.get(UserStateService).ensure('alice');
    await app.get(UserStateService).update('alice', { block: null, ipAllowlist: null });
    const issued = await app.get(SessionService).create('alice');
    const handle = app.get(SessionService).data(issued.session);
    const request = new IncomingMessage(new Socket());
    world = {
      ...issued,
      issued,
      request,
      response: Object.assign(new ServerResponse(request), { socket: new EventEmitter() }),
    };
    services['SessionDataHandle'] = handle;
  });
  afterAll(async () => {
    await app.close();
    await redis?.stop();
    process.off('unhandledRejection', onRejection);
  });

  /** From now on every call of the repository is written down. */
  function watch(target: object): void {
    for (const [name, value] of Object.entries(target)) {
      const isPart =
        typeof value === 'object' && value !== null && /^(users|ipLists|data|events|nodes)$/.test(name);
      if (isPart) watch(value as object);
    }
    const repository = target as Record<string, unknown>;
    for (
      let proto = Object.getPrototypeOf(target) as object;
      proto !== Object.prototype;
      proto = Object.getPrototypeOf(proto) as object
    ) {
      for (const name of methodsOf(proto)) {
        const method = repository[name] as (...args: unknown[]) => unknown;
        const value = (...args: unknown[]): unknown => {
          calls.push(name);
          return method.apply(target, args);
        };
        Object.defineProperty(target, name, { value, configurable: true }); // some are read-only
      }
    }
  }

  async function outcomeOf(
    method: Method,
    call: () => unknown,
  ): Promise<{ error?: unknown; problem?: string; answer?: unknown }> {
    let answer: unknown;
    try {
      answer = call();
    } catch (error) {
      return method.isSync ? { error } : { error, problem: 'throws, instead of rejecting' };
    }
    if (!method.isSync && !(answer instanceof Promise)) return { problem: 'answers at once' };
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('hangs')), PATIENCE_MS);
    });
    try {
      return { answer: await Promise.race([answer, patience]) };
    } catch (error) {
      return { error };
    } finally {
      clearTimeout(timer);
    }
  }

  /** What is wrong with how a call with a hostile value went. */
  async function complaint(
    service: string,
    name: string,
    method: Method,
    trial: Trial,
  ): Promise<string | undefined> {
    const target = services[service] as Record<string, (...args: unknown[]) => unknown>;
    const args = trial.argumentsIn(world);
    calls.length = 0;
    const { error, problem, answer } = await outcomeOf(method, () => target[name]?.(...args));
    const done = calls.slice();
    if (problem !== undefined) return problem;
    if (trial.isTaken && (error as Error | undefined)?.message === 'a getter of the caller') return undefined;
    const isTold =
      error instanceof TypeError || error instanceof RangeError || error instanceof SessionConfigurationError;
    if (error !== undefined && !isTold && !(error instanceof SessionError))
      return `fails with ${(error as Error).message}`;
    const { message = '' } = (error ?? {}) as Partial<Error>;
    if (UNCHECKED.test(message)) return `was not looked at: ${message}`;
    if (error instanceof SessionError && error.statusCode >= 500)
      return `is ${error.code}: ${String(error.cause)}`;
    if (trial.isTaken) return undefined;
    // Where a method answers with a denial instead of rejecting.
    const isDenial = answer === false || (answer as { permit?: boolean } | undefined)?.permit === false;
    const isRefusal =
      isDenial ||
      isTold ||
      (error instanceof SessionError && ['bad_request', 'too_large', method.denial].includes(error.code));
    if (!isRefusal) return error === undefined ? 'is taken' : `is refused with ${error.code}`;
    return done.length === 0 ? undefined : `is refused after ${done.join(', ')}`;
  }

  const all = Object.entries(METHODS).flatMap(([service, methods]) =>
    Object.entries(methods).map(([name, method]) => ({ service, name, method })),
  );
  test.each(all)('$service $name', async ({ service, name, method }) => {
    if (!services[service]) return; // there is none in memory
    const complaints: string[] = [];
    for (const trial of trialsOf(method)) {
      const wrong = await complaint(service, name, method, trial);
      if (wrong !== undefined) complaints.push(`${trial.place}: ${trial.kind} ${wrong}`);
    }
    expect(complaints).toEqual([]);
    expect(rejections).toEqual([]);
  });
});

test('every public method of every public service is tried', () => {
  const publicOnes = Object.entries(CLASSES).flatMap(([service, { prototype }]) => {
    const base = Object.getPrototypeOf(prototype) as object;
    const names = [...methodsOf(prototype), ...(base === Object.prototype ? [] : methodsOf(base))];
    return names.map((name) => `${service}.${name}`);
  });
  const tried = Object.entries(METHODS).flatMap(([service, methods]) =>
    Object.keys(methods).map((name) => `${service}.${name}`),
  );
  const privateOnes = new Set(PRIVATE.split(/\s+/));
  expect(publicOnes.filter((name) => !NOT_PUBLIC.has(name) && !privateOnes.has(name)).sort()).toEqual(
    tried.sort(),
  );
});

/** Methods that TypeScript calls private. */
const PRIVATE = `
SessionService.keepData
UserStateService.pushed UserStateService.versionOf UserStateService.act
UserStateService.change UserStateService.write
RateLimiter.apply RateLimiter.policyOf RateLimiter.shareOf
AuditLog.settle AuditLog.detailsOf
SessionEvents.tell SessionEvents.call
SessionTransport.writeRefreshCookie SessionTransport.writeCookie SessionTransport.withWayOut
SessionTransport.clearingsFor
LiveConnections.assertRoom LiveConnections.checkOnce LiveConnections.pending LiveConnections.admit
SessionDataHandle.change
RedisThrottlerStorage.scripts RedisThrottlerStorage.firstScripts RedisThrottlerStorage.open
ServiceTokens.callIn`;
