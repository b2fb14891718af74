import { Body, Controller, Get, Module, Param, Post, UnauthorizedException } from '@nestjs/common';
import { CurrentUser, Public, Roles, SessionModule } from '@latchkey/session';
import { SessionService, UserStateService, type UserState } from '@latchkey/session';
import { type Credentials, findAccount, passwordMatches } from './accounts.js'; // yours

@Controller()
class AppController {
  constructor(
    private readonly sessions: SessionService,
    private readonly users: UserStateService,
  ) {}

  @Public()
  @Post('login')
  async login(@Body() { username, password }: Credentials) {
    const account = findAccount(username);
    const { id, epoch } = await this.users.ensure(account.id, { roles: account.roles });
    if (!(await passwordMatches(account, password))) throw new UnauthorizedException();
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

@Module({ imports: [SessionModule.forRoot({ guard: 'global' })], controllers: [AppController] })
export class AppModule {}
