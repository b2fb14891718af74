import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { SessionError } from '@latchkey/session';
import { FakeClock, SessionTestingModule, type SessionTestingOptions } from '@latchkey/session/testing';
import request from 'supertest';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';

export interface Platform {
  readonly name: string;
  readonly adapter: () => AbstractHttpAdapter;
}

const EXPRESS: Platform = { name: 'Express', adapter: () => new ExpressAdapter() };

/** What every suite on HTTP is run on. */
export const PLATFORMS: readonly Platform[] = [
  EXPRESS,
  { name: 'Fastify', adapter: () => new FastifyAdapter() },
];

export interface RunningApp {
  readonly app: INestApplication;
  readonly clock: FakeClock;
  readonly http: ReturnType<typeof request>;
  /** The names of the repository's methods that were called, since the last `calls.length = 0`. */
  readonly calls: string[];
  /** From now on the repository refuses every call, as it does when Redis is away. */
  breakStore(): void;
}

interface AppOptions {
  readonly platform?: Platform;
  readonly controllers: Type[];
  readonly session?: Omit<SessionTestingOptions, 'clock'>;
  readonly module?: ModuleMetadata;
  readonly prepare?: (app: INestApplication) => void;
}

const running: INestApplication[] = [];

/** Starts an app with the library in memory; `stopApps` ends it. */
export async function startApp(options: AppOptions): Promise<RunningApp> {
  const { platform = EXPRESS, controllers, session, module, prepare } = options;
  const clock = new FakeClock();
  const testing = await Test.createTestingModule({
    ...module,
    imports: [SessionTestingModule.forRoot({ ...session, clock }), ...(module?.imports ?? [])],
    controllers,
  }).compile();
  const app = testing.createNestApplication(platform.adapter(), { logger: false });
  prepare?.(app);
  running.push(app);
  await app.listen(0, '127.0.0.1');
  const repository = app.get<SessionRepository>(SESSION_REPOSITORY, { strict: false });
  return { app, clock, http: request(await app.getUrl()), ...watch(repository) };
}

export async function stopApps(): Promise<void> {
  for (const app of running.splice(0)) await app.close();
}

/** What stops an app from booting. */
export async function bootFailure(builder: TestingModuleBuilder): Promise<unknown> {
  try {
    const testing = await builder.compile();
    const app = testing.createNestApplication();
    running.push(app);
    await app.init();
    return undefined;
  } catch (error) {
    return error;
  }
}

function watch(repository: SessionRepository) {
  const calls: string[] = [];
  let isBroken = false;
  const watchOne = (target: object, names: readonly string[]): void => {
    for (const name of names) {
      const methods = target as Record<string, (...args: unknown[]) => Promise<unknown>>;
      const method = methods[name]?.bind(target);
      if (!method) throw new Error(`There is no method ${name}`);
      methods[name] = async (...args: unknown[]) => {
        calls.push(name);
        if (isBroken)
          throw new SessionError('session_store_unavailable', { cause: new Error('connect ECONNREFUSED') });
        return method(...args);
      };
    }
  };
  watchOne(repository, ['authenticate', 'create', 'list', 'revoke', 'quota']);
  watchOne(repository.users, ['read', 'change']);
  return { calls, breakStore: () => void (isBroken = true) };
}
