// Before: express-session with connect-redis.
import { Body, Controller, ForbiddenException, Get, HttpCode, Injectable, Module } from '@nestjs/common';
import { Param, Post, Req, Res, UnauthorizedException, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext, INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Request, Response } from 'express';
import { Accounts, AccountsModule } from '../../accounts.js';
import { begin, end, useExpressSessions } from '../express-sessions.js';
import { COOKIE } from '../session-types.js';

@Injectable()
class LoggedInGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.switchToHttp().getRequest<Request>().session.userId !== undefined) return true;
    throw new UnauthorizedException();
  }
}

@Controller()
class AppController {
  constructor(private readonly accounts: Accounts) {}

  @Post('auth/login')
  @HttpCode(200)
  async login(@Body() body: { username?: unknown; password?: unknown }, @Req() request: Request) {
    const { id, isBlocked } = await this.accounts.verify(body.username, body.password);
    if (isBlocked) throw new ForbiddenException();
    await begin(request, id);
    return { id };
  }

  @UseGuards(LoggedInGuard)
  @Post('auth/logout')
  @HttpCode(204)
  async logout(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<void> {
    await end(request);
    response.clearCookie(COOKIE);
  }

  @UseGuards(LoggedInGuard)
  @Get('me')
  me(@Req() { session }: Request) {
    return { id: session.userId };
  }

  @UseGuards(LoggedInGuard)
  @Get('cart')
  cart(@Req() { session }: Request) {
    return session.cart ?? [];
  }

  @UseGuards(LoggedInGuard)
  @Post('cart')
  add(@Req() { session }: Request, @Body() { item }: { item: string }) {
    session.cart = [...(session.cart ?? []), item];
    return session.cart;
  }

  @UseGuards(LoggedInGuard)
  @Post('users/:id/block')
  async block(@Param('id') id: string, @Req() { session }: Request): Promise<void> {
    const self = await this.accounts.find(session.userId ?? '');
    if (!self?.roles.includes('admin')) throw new ForbiddenException();
    await this.accounts.change(id, { blocked: '1' }); // from the next login on
  }
}

@Module({ imports: [AccountsModule], controllers: [AppController] })
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  await useExpressSessions(app);
  return app.listen(port, '127.0.0.1').then(() => app);
}
