// Customers and staff in one app: two SessionModules, with cookies, keys and lifetimes of their own.
import { Controller, Get, type INestApplication, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  CurrentUser,
  Fresh,
  Roles,
  SessionModule,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { LoginController } from '../login.controller.js';

// A class for each realm: a handler belongs to the SessionModule that its module imports.
@Controller('shop/auth')
class ShopAuthController extends LoginController {}

@Controller('shop')
class ShopController {
  @Get('me')
  me(@CurrentUser() { id, roles }: UserState) {
    return { realm: 'shop', id, roles };
  }
}

@Module({
  imports: [
    SessionModule.forRoot({
      isGlobal: false,
      guard: 'global',
      strict: true,
      keyPrefix: 'shop',
      cookie: { name: '__Host-shop' },
      lifetime: { inactivityTimeout: '14d', absoluteTimeout: '30d' },
      allowMemoryInProduction: true,
    }),
  ],
  controllers: [ShopAuthController, ShopController],
})
export class ShopModule {}

@Controller('office/auth')
class OfficeAuthController extends LoginController {}

@Controller('office')
class OfficeController {
  /** The office's own users. */
  constructor(private readonly users: UserStateService) {}

  @Get('me')
  me(@CurrentUser() { id, roles }: UserState) {
    return { realm: 'office', id, roles };
  }

  @Roles('admin')
  @Fresh('5m')
  @Post('staff/:id/block')
  block(@Param('id') id: string) {
    return this.users.block(id, { reason: 'left the company' });
  }
}

@Module({
  imports: [
    SessionModule.forRoot({
      isGlobal: false,
      guard: 'global',
      strict: true,
      keyPrefix: 'office',
      cookie: { name: '__Host-office', sameSite: 'strict' },
      lifetime: 'aal2',
      allowMemoryInProduction: true,
    }),
  ],
  controllers: [OfficeAuthController, OfficeController],
})
export class OfficeModule {}

@Module({ imports: [ShopModule, OfficeModule] })
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}
