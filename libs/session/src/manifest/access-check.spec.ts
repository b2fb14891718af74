import {
  Controller,
  Get,
  Injectable,
  type CanActivate,
  type ExecutionContext,
  Module,
  Scope,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { EnforcesAccess, Roles, SessionGuard, SessionModule } from '../index.js';

@Injectable()
class Throttler implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

/** Enforces what the decorators say on top of something of its own. */
@EnforcesAccess()
@Injectable()
class MaintenanceGuard implements CanActivate {
  constructor(private readonly sessions: SessionGuard) {}

  canActivate(context: ExecutionContext) {
    return this.sessions.canActivate(context);
  }
}

class ChildOfMaintenanceGuard extends MaintenanceGuard {}
class ChildOfSessionGuard extends SessionGuard {}

function adminArea(...guards: Function[]): Type {
  @Controller('admin')
  class AdminArea {
    @UseGuards(...guards)
    @Roles('admin')
    @Get()
    read() {}
  }
  return AdminArea;
}

interface Boot {
  readonly controller: Type;
  readonly appGuard?: object;
  readonly globalGuard?: CanActivate;
  readonly guard?: 'global';
}

/** @returns what stopped the app; `undefined` when it came up */
async function boot({ controller, appGuard, globalGuard, guard }: Boot): Promise<unknown> {
  @Module({
    imports: [SessionModule.forRoot({ allowMemoryInProduction: true, ...(guard ? { guard } : {}) })],
    controllers: [controller],
    providers: appGuard ? [{ provide: APP_GUARD, ...appGuard } as never] : [],
  })
  class App {}
  const app = await NestFactory.create(App, { logger: false, abortOnError: false });
  if (globalGuard) app.useGlobalGuards(globalGuard);
  try {
    await app.init();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await app.close();
  }
}

describe('requirements that no guard enforces', () => {
  it.each<[string, Boot]>([
    ['no guard', { controller: adminArea() }],
    ['an unrelated guard', { controller: adminArea(Throttler) }],
    ["AuthGuard('latchkey')", { controller: adminArea(AuthGuard('latchkey')) }],
    ['an unrelated global guard', { controller: adminArea(), globalGuard: new Throttler() }],
    ['an unrelated APP_GUARD', { controller: adminArea(), appGuard: { useClass: Throttler } }],
    [
      'an unrelated APP_GUARD for each request',
      { controller: adminArea(), appGuard: { useClass: Throttler, scope: Scope.REQUEST } },
    ],
  ])('stop the app, with %s', async (_, given) => {
    expect(await boot(given)).toMatchObject({
      name: 'SessionConfigurationError',
      option: 'AdminArea.read',
      message: expect.stringContaining('add SessionGuard'),
    });
  });
});

describe('requirements are enforced', () => {
  const maintenance = { useFactory: (sessions: SessionGuard) => new MaintenanceGuard(sessions) };

  it.each<[string, Boot]>([
    ['SessionGuard', { controller: adminArea(Throttler, SessionGuard) }],
    ['SessionGuard after Passport', { controller: adminArea(AuthGuard('latchkey'), SessionGuard) }],
    ['a guard that extends it', { controller: adminArea(ChildOfSessionGuard) }],
    ["guard: 'global'", { controller: adminArea(Throttler), guard: 'global' }],
    ['a guard that is declared to', { controller: adminArea(MaintenanceGuard) }],
    ['a child of a guard that is declared to', { controller: adminArea(ChildOfMaintenanceGuard) }],
    [
      'a global guard that is declared to',
      { controller: adminArea(), appGuard: { inject: [SessionGuard], ...maintenance } },
    ],
    [
      'a global guard for each request that is declared to',
      { controller: adminArea(), appGuard: { useClass: MaintenanceGuard, scope: Scope.REQUEST } },
    ],
  ])('by %s', async (_, given) => {
    expect(await boot(given)).toBeUndefined();
  });
});
