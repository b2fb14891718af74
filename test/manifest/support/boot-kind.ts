import {
  Module,
  Scope,
  UseGuards,
  type CanActivate,
  type INestApplication,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { MicroserviceOptions, Transport } from '@nestjs/microservices';
import { PolicyManifest, SessionGuard, SessionModule, type PolicyEntry } from '@latchkey/session';
import { closeUnstarted } from '../../support/close-unstarted.js';
import { freePort } from '../../support/free-port.js';
import type { AnyApp, Kind } from './kind.js';

/** Where a SessionGuard may stand. */
export const GUARDS = [
  'none',
  'handler',
  'class',
  'option',
  'APP_GUARD',
  'per request',
  'useGlobalGuards',
] as const;
export type GuardPlace = (typeof GUARDS)[number];

export interface Given {
  readonly kind: Kind;
  readonly guard: GuardPlace;
  readonly strict?: boolean;
  readonly on: 'handler' | 'class';
  readonly decorators: readonly (MethodDecorator & ClassDecorator)[];
  /** Instead of SessionGuard. */
  readonly guardClass?: new (...args: never[]) => CanActivate;
}

interface Outcome {
  readonly error?: unknown;
  /** How often the handler ran for two calls of nobody. */
  readonly ran: number;
  readonly entries: readonly PolicyEntry[];
}

/** Starts an app with one handler, and calls that twice as nobody. */
export async function bootKind({
  kind,
  guard,
  strict,
  on,
  decorators,
  guardClass = SessionGuard,
}: Given): Promise<Outcome> {
  let ran = 0;
  const useGuard = UseGuards(guardClass);
  const { module } = kind.subject({
    ran: () => void (ran += 1),
    onHandler: [...(on === 'handler' ? decorators : []), ...(guard === 'handler' ? [useGuard] : [])],
    onClass: [...(on === 'class' ? decorators : []), ...(guard === 'class' ? [useGuard] : [])],
  });
  const providers: Provider[] = [...(module.providers ?? [])];
  if (guard === 'APP_GUARD') providers.push({ provide: APP_GUARD, useClass: guardClass as never });
  if (guard === 'per request')
    providers.push({ provide: APP_GUARD, useClass: guardClass as never, scope: Scope.REQUEST });
  @Module({
    ...module,
    providers,
    imports: [
      SessionModule.forRoot({
        allowMemoryInProduction: true,
        ...(guard === 'option' ? { guard: 'global' as const } : {}),
        ...(strict === undefined ? {} : { strict }),
      }),
      ...(module.imports ?? []),
    ],
  })
  class App {}
  const tcpPort = await freePort();
  const service: MicroserviceOptions = kind.microservice?.(tcpPort) ?? {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: tcpPort },
  };
  let app: AnyApp | undefined;
  try {
    app = await create(App, kind, service);
    if (guard === 'useGlobalGuards') app.useGlobalGuards(app.get(SessionGuard));
    const url = await start(app, { kind, tcp: service });
    await kind.call({ url, tcpPort });
    await kind.call({ url, tcpPort });
    return { ran, entries: app.get(PolicyManifest).list() };
  } catch (error) {
    if ((error as Error).name !== 'SessionConfigurationError') throw error;
    return { error, ran, entries: [] };
  } finally {
    await closeUnstarted(app);
  }
}

/** Nest 11 initializes a microservice right here. */
function create(module: Type, kind: Kind, service: MicroserviceOptions): Promise<AnyApp> {
  const options = { logger: false, abortOnError: false } as const;
  return kind.app === 'rpc'
    ? NestFactory.createMicroservice(module, { ...service, ...options })
    : NestFactory.create(module, options);
}

async function start(app: AnyApp, { kind, tcp }: { kind: Kind; tcp: MicroserviceOptions }): Promise<string> {
  if (kind.app === 'rpc') {
    await app.init();
    await (app as { listen(): Promise<unknown> }).listen();
    return '';
  }
  const http = app as INestApplication;
  kind.prepare?.(http);
  if (kind.app !== 'http')
    http.connectMicroservice<MicroserviceOptions>(tcp, {
      inheritAppConfig: kind.app === 'hybrid-inheriting',
    });
  await http.init();
  await http.startAllMicroservices();
  await http.listen(0, '127.0.0.1');
  return http.getUrl();
}
