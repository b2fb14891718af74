// Many tenants, one SessionModule: the tenant is a part of the user id, so that nothing of one is another's.
import { Controller, Get, type INestApplication, Module, Param, Post } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { CurrentUser, Roles, SessionGuard, SessionModule, SessionService } from '@latchkey/session';
import { UserStateService, type HttpRequest, type UserState } from '@latchkey/session';
import { LoginController } from '../login.controller.js';
import { TenantGuard, tenantAskedBy, tenantOf, userIdIn } from './tenants.js';

@Controller('auth')
class AuthController extends LoginController {
  protected override userIdFor(username: string, request: HttpRequest): string {
    return userIdIn(tenantAskedBy(request), username);
  }
}

@Controller()
class UsersController {
  constructor(
    private readonly sessions: SessionService,
    private readonly users: UserStateService,
  ) {}

  @Get('me')
  me(@CurrentUser() { id, roles }: UserState) {
    return { id, roles };
  }

  // The tenant is always that of the session, never of the request: an admin of one cannot name a user of another.
  @Roles('admin')
  @Get('users/:name/sessions')
  list(@Param('name') name: string, @CurrentUser() { id }: UserState) {
    return this.sessions.list(userIdIn(tenantOf(id), name));
  }

  @Roles('admin')
  @Post('users/:name/block')
  block(@Param('name') name: string, @CurrentUser() { id: by }: UserState) {
    return this.users.block(userIdIn(tenantOf(by), name), { reason: 'by an admin', by });
  }
}

@Module({
  imports: [SessionModule.forRoot({ strict: true, allowMemoryInProduction: true })],
  controllers: [AuthController, UsersController],
  providers: [
    // In this order: `guard: 'global'` would come after the guards of this module.
    { provide: APP_GUARD, useClass: SessionGuard },
    { provide: APP_GUARD, useClass: TenantGuard },
  ],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}
