// Users of two regions, served in both: sessions, roles and blocks of a user are in the Redis of the home region alone.
import { Controller, Get, Inject, Module, Param, Post, Req, Res } from '@nestjs/common';
import type { CanActivate, DynamicModule, ExecutionContext } from '@nestjs/common';
import type { INestApplicationContext, LogLevel, OnModuleDestroy } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { CurrentUser, EnforcesAccess, EventStreams, Roles } from '@latchkey/session';
import { SessionGuard, SessionModule, SessionService, SessionTransport } from '@latchkey/session';
import { UserStateService, type UserState } from '@latchkey/session';
import type { HttpRequest, StreamableResponse } from '@latchkey/session';
import { LoginController } from '../login.controller.js';

export type Region = 'eu' | 'us';
type PerRegion<T> = Readonly<Record<Region, T>>;

/** By the app's own table of users, which both regions have: a home hardly ever changes. */
const homeOf = (userId: string): Region => (userId === 'ada' ? 'eu' : 'us');

/** A cookie of its own for each region tells whose session it is. One that was forged leads where nobody knows it. */
const sessionsIn = (region: Region, redis: PerRegion<string>): DynamicModule =>
  SessionModule.forRoot({ redis: redis[region], cookie: { name: `__Host-${region}` }, strict: true });

/** The services of each region: this app's own, and those over a long line to the Redis of the other. */
export class Regions implements OnModuleDestroy {
  private readonly services = new Map<Region, INestApplicationContext>();

  constructor(readonly here: Region) {}

  add(region: Region, services: INestApplicationContext): void {
    this.services.set(region, services);
  }

  async onModuleDestroy(): Promise<void> {
    for (const [region, services] of this.services) if (region !== this.here) await services.close();
  }

  ofUser(userId: string): INestApplicationContext {
    return this.services.get(homeOf(userId))!;
  }

  /** A request without a session is answered by this region. */
  ofRequest(request: HttpRequest): INestApplicationContext {
    const hasToken = (one: INestApplicationContext): boolean =>
      one.get(SessionTransport).readToken(request) !== undefined;
    return [...this.services.values()].find(hasToken) ?? this.services.get(this.here)!;
  }
}

@EnforcesAccess()
class RegionGuard implements CanActivate {
  constructor(@Inject(Regions) private readonly regions: Regions) {}

  canActivate(context: ExecutionContext) {
    const home = this.regions.ofRequest(context.switchToHttp().getRequest<HttpRequest>());
    return home.get(SessionGuard).canActivate(context);
  }
}

@Controller()
class AppController extends LoginController {
  @Inject(Regions) private readonly regions!: Regions;

  protected override servicesFor(userId: string) {
    const home = this.regions.ofUser(userId);
    const [sessions, transport] = [home.get(SessionService), home.get(SessionTransport)];
    return { sessions, transport, users: home.get(UserStateService) };
  }

  @Get('me')
  me(@CurrentUser() { id, roles }: UserState) {
    return { id, roles };
  }

  @Get('events')
  async events(@Req() request: HttpRequest, @Res() response: StreamableResponse) {
    const stream = await this.regions.ofRequest(request).get(EventStreams).open(request, response);
    stream.send('hello', {});
  }

  @Roles('admin')
  @Post('users/:id/block')
  block(@Param('id') id: string) {
    return this.regions.ofUser(id).get(UserStateService).block(id, { reason: 'spam' });
  }
}

@Module({})
class AppModule {
  static of(regions: Regions, redis: PerRegion<string>): DynamicModule {
    return {
      module: AppModule,
      imports: [sessionsIn(regions.here, redis)],
      controllers: [AppController],
      providers: [
        { provide: Regions, useValue: regions },
        { provide: APP_GUARD, useClass: RegionGuard },
      ],
    };
  }
}

const LOCAL = { eu: 'redis://127.0.0.1:6379/0', us: 'redis://127.0.0.1:6379/1' };

export async function start(port = 3000, here: Region = 'eu', redis: PerRegion<string> = LOCAL) {
  const [regions, there] = [new Regions(here), here === 'eu' ? 'us' : 'eu'] as const;
  const options = { logger: ['error', 'warn'] satisfies LogLevel[] };
  const abroad = await NestFactory.createApplicationContext(sessionsIn(there, redis), options);
  const app = await NestFactory.create(AppModule.of(regions, redis), options);
  regions.add(here, app);
  regions.add(there, abroad);
  return app.listen(port, '127.0.0.1').then(() => app);
}
