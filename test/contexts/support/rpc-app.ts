import {
  type ArgumentsHost,
  Catch,
  Controller,
  type INestMicroservice,
  type LoggerService,
  Module,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, type MicroserviceOptions, RmqContext } from '@nestjs/microservices';
import {
  CurrentSession,
  CurrentUser,
  Public,
  RateLimit,
  Roles,
  type Session,
  SessionData,
  SessionError,
  SessionGuard,
  SessionModule,
  type SessionModuleOptions,
  SessionService,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { ProblemFilter } from '@latchkey/session/http';
import {
  CurrentService,
  Scopes,
  type ServiceCall,
  ServiceTokenGuard,
  ServiceTokens,
  ServiceTokensModule,
} from '@latchkey/session/jwt';
import { concat, delay, interval, map, of, type Observable } from 'rxjs';
import { newKey, ringKey } from '../../jwt/support/keys.js';
import type { RpcTransport } from './rpc-transports.js';

export const TICK_MS = 20;

const key = newKey('EdDSA');
const GATEWAY = 'https://gateway.internal';
const ORDERS = 'https://orders.internal';
const signing = { algorithm: 'EdDSA', keys: [ringKey('a', key)] } as const;

/** What the gateway signs its calls with. */
export const gateway = ServiceTokens.open({ service: GATEWAY, signing });

/** What handlers did, as the tests look for it. */
export const ran: string[] = [];

/** One handler of each kind, as every transport has it. */
export function messagesOn({ on, name, hasEvents }: RpcTransport): Type {
  // What gRPC sends is of a type that its proto declares.
  const reply = (value: unknown) => (name === 'gRPC' ? { text: JSON.stringify(value) } : value);
  const event = hasEvents ? on : () => (() => undefined) as MethodDecorator;

  @UseGuards(SessionGuard)
  @Controller()
  class Orders {
    @Public()
    @on('open')
    open() {
      return reply({ ran: 'open' });
    }

    @on('me')
    me(
      @CurrentUser() user: UserState,
      @CurrentSession() session: Session,
      @SessionData('theme') theme: string | undefined,
    ) {
      return reply({ user: user.id, roles: user.roles, isTheirs: session.userId === user.id, theme });
    }

    @Roles('moderator')
    @on('moderate')
    moderate(@CurrentUser() user: UserState) {
      ran.push(`moderate ${user.id}`);
      return reply({ ran: 'moderate' });
    }

    @RateLimit({ name: 'limited', quota: 2, window: '1h', by: 'user' })
    @on('limited')
    limited() {
      return reply({ ran: 'limited' });
    }

    @on('slow')
    slow(): Observable<unknown> {
      return of(reply({ ran: 'slow' })).pipe(delay(1_500));
    }

    @on('ticks')
    ticks(): Observable<unknown> {
      return concat(of(0), interval(TICK_MS).pipe(map((i) => i + 1))).pipe(map((tick) => reply({ tick })));
    }
  }

  @UseGuards(ServiceTokenGuard)
  @Controller()
  class ForServices {
    @Scopes('orders:read')
    @on('for-services')
    list(@CurrentService() { issuer }: ServiceCall) {
      return reply({ issuer });
    }
  }

  if (!hasEvents) {
    @Module({ controllers: [Orders, ForServices] })
    class OfGrpc {}
    return OfGrpc;
  }

  @Controller()
  class Events {
    @UseGuards(SessionGuard)
    @event('event-of-user')
    ofUser(@CurrentUser() user: UserState) {
      ran.push(`event ${user.id}`);
    }

    @UseGuards(ServiceTokenGuard)
    @Scopes('orders:read')
    @event('event-of-service')
    ofService(@CurrentService() { issuer }: ServiceCall) {
      ran.push(`event ${issuer}`);
    }
  }

  @Module({ controllers: [Orders, ForServices, Events] })
  class OfTransport {}
  return OfTransport;
}

export class Lines implements LoggerService {
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  log() {}
  warn(...line: unknown[]) {
    this.warnings.push(line.map(String).join(' '));
  }
  error(...line: unknown[]) {
    this.errors.push(line.map(String).join(' '));
  }
}

export async function startService(
  transport: RpcTransport,
  options: MicroserviceOptions,
  session: SessionModuleOptions,
): Promise<{ app: INestMicroservice; lines: Lines }> {
  const trusted = { service: GATEWAY, algorithm: 'EdDSA', keys: (await gateway).jwks() } as const;

  @Module({
    imports: [
      SessionModule.forRoot(session),
      ServiceTokensModule.forRoot({ service: ORDERS, trust: [{ ...trusted, keys: await trusted.keys }] }),
      messagesOn(transport),
    ],
  })
  class App {}
  const lines = new Lines();
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(App, { ...options, logger: lines });
  await app.listen();
  return { app, lines };
}

/** As docs/microservices.md has it. */
@Catch(SessionError)
class NackFilter extends ProblemFilter {
  override catch(error: SessionError, host: ArgumentsHost) {
    const context = host.switchToRpc().getContext<RmqContext>();
    context.getChannelRef().nack(context.getMessage(), false, error.statusCode === 503);
    return super.catch(error, host);
  }
}

/** A service that acknowledges its events itself, one after the other. */
export async function startAcking(
  options: MicroserviceOptions,
  session: SessionModuleOptions,
): Promise<INestMicroservice> {
  @UseFilters(NackFilter)
  @UseGuards(SessionGuard)
  @Controller()
  class Acking {
    @(EventPattern('event-acked') as MethodDecorator)
    take(@Ctx() context: RmqContext, @CurrentUser() user: UserState) {
      ran.push(`acked ${user.id}`);
      context.getChannelRef().ack(context.getMessage());
    }
  }

  @Module({ imports: [SessionModule.forRoot(session)], controllers: [Acking] })
  class App {}
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(App, { ...options, logger: false });
  await app.listen();
  return app;
}

/** Who acts: another process that shares nothing with the service but Redis. */
export async function startOffice(session: SessionModuleOptions) {
  @Module({ imports: [SessionModule.forRoot(session)] })
  class Office {}
  const app = await NestFactory.createApplicationContext(Office, { logger: false });
  const [sessions, users] = [app.get(SessionService), app.get(UserStateService)];
  let made = 0;
  return {
    users,
    sessions,
    close: () => app.close(),
    /** A user who is signed in, with the header of the session. */
    async signedIn(...roles: string[]) {
      const userId = `user-${process.pid}-${(made += 1)}`;
      const { token, session: one } = await sessions.create(userId, { data: { theme: 'dark' } });
      if (roles.length > 0) await users.setRoles(userId, roles);
      return { userId, session: one, bearer: `Bearer ${token}` };
    },
  };
}

export type Office = Awaited<ReturnType<typeof startOffice>>;

export async function serviceBearer(to = ORDERS, scopes = ['orders:read']): Promise<string> {
  return `Bearer ${await (await gateway).sign({ to, scopes })}`;
}
