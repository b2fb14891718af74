import {
  Body,
  Controller,
  Get,
  Module,
  Param,
  Post,
  UnauthorizedException,
  ValidationPipe,
} from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { CurrentUser, Public, Roles, SessionModule } from '@latchkey/session';
import { SessionService, UserStateService, type UserState } from '@latchkey/session';
import { IsString } from 'class-validator';
import { findAccount, NOBODY, passwordMatches } from './accounts.js'; // yours

class Credentials {
  @IsString() username!: string;
  @IsString() password!: string;
}

@Controller()
class AppController {
  constructor(
    private readonly sessions: SessionService,
    private readonly users: UserStateService,
  ) {}

  @Public()
  @Post('login')
  async login(@Body() { username, password }: Credentials) {
    const account = findAccount(username) ?? NOBODY; // an account like any other, so that it takes as long
    const { id, epoch } = await this.users.ensure(account.id, { roles: account.roles });
    const isRight = await passwordMatches(account, password);
    if (!isRight || account === NOBODY) throw new UnauthorizedException();
    const { token } = await this.sessions.create(id, { ifEpoch: epoch }); // no block came in between
    return { token };
  }

  @Get('me')
  me(@CurrentUser() user: UserState) {
    return { id: user.id, roles: user.roles }; // as they are now, not as they were at login
  }

  @Post('users/:id/block')
  @Roles('moderator')
  block(@Param('id') id: string) {
    return this.users.block(id, { reason: 'spam' }); // when this resolves, no node lets them in
  }
}

const validation = new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true });

@Module({
  imports: [SessionModule.forRoot({ guard: 'global' })],
  controllers: [AppController],
  providers: [{ provide: APP_PIPE, useValue: validation }],
})
export class AppModule {}
