import { Body, Controller, Get, HttpCode, Post, Put, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  AllowExpired,
  CurrentSession,
  CurrentUser,
  Public,
  RateLimit,
  type Session,
  SessionService,
  SessionTransport,
  type UserState,
} from '@latchkey/session';
import type { Request, Response } from 'express';
import { LoginOutcomes } from '../metrics/login-outcomes.js';
import { toSessionDto } from '../sessions/session.dto.js';
import { toUserDto, UserReply } from '../users/user.dto.js';
import { UsersService } from '../users/users.service.js';
import {
  ChangePasswordDto,
  IdentityReply,
  LoginDto,
  LoginReply,
  ReauthenticateDto,
  RefreshDto,
  RegisterDto,
  TokensDto,
} from './auth.dto.js';
import { ClientTokens } from './client-tokens.js';
import { CredentialsService } from './credentials.service.js';
import { LoginOriginGuard } from './login-origin.guard.js';
import { LoginService } from './login.service.js';
import { LogoutFilter } from './logout.filter.js';
import { PasswordAttempts } from './password-attempts.js';
import { RefreshGuard } from './refresh.guard.js';
import { RefreshService } from './refresh.service.js';

@ApiTags('auth')
@Controller('auth')
export class AuthController {
  constructor(
    private readonly logins: LoginService,
    private readonly outcomes: LoginOutcomes,
    private readonly attempts: PasswordAttempts,
    private readonly credentials: CredentialsService,
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly tokens: ClientTokens,
    private readonly refreshes: RefreshService,
    private readonly users: UsersService,
  ) {}

  @Public()
  @RateLimit('registrations')
  @Post('register')
  @ApiOperation({ summary: 'Make an account. A taken user name is 409' })
  async register(@Body() { username, password }: RegisterDto, @Req() request: Request): Promise<UserReply> {
    const ip = this.transport.clientIp(request);
    const account = await this.credentials.register({ username, password, ip });
    return { user: await this.users.describe(account) };
  }

  @Public()
  @UseGuards(LoginOriginGuard)
  @Post('login')
  @HttpCode(200)
  @ApiOperation({ summary: 'Open a session. Bearer clients get a token in the body, others a cookie' })
  @ApiOkResponse({ type: LoginReply })
  async login(
    @Body() body: LoginDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<LoginReply> {
    const { username, password } = body;
    const attempt = {
      username,
      password,
      device: this.transport.deviceOf(request, body.deviceName),
      rememberMe: body.rememberMe ?? false,
    };
    const { account, issued } = await this.outcomes.watch(() =>
      this.attempts.counting({ request, response, username }, () => this.logins.login(attempt)),
    );
    await this.endEarlierSession(request);
    const client = body.transport ?? 'cookie';
    // Its session is over: beside the new token, the cookie would make every request ambiguous.
    if (
      client === 'bearer' &&
      this.tokens.transportOf(request) === 'cookie' &&
      this.transport.readToken(request)
    )
      this.transport.clearCookie(response);
    const tokens = this.tokens.handOver({ request, response }, issued, client);
    return {
      user: toUserDto(account, issued.user),
      session: toSessionDto(issued.session, issued.session.id),
      ...tokens,
    };
  }

  @Public()
  @RateLimit('refreshes')
  @UseGuards(RefreshGuard)
  @Post('refresh')
  @HttpCode(200)
  @ApiOperation({
    summary: 'With REFRESH=on: new tokens for a refresh token, which works once. A used one ends its session',
  })
  @ApiBody({ type: RefreshDto, required: false })
  @ApiOkResponse({ type: TokensDto })
  async refresh(
    @Body() { refreshToken }: RefreshDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TokensDto> {
    const { issued, transport } = await this.refreshes.refresh(request, refreshToken);
    return this.tokens.handOver({ request, response }, issued, transport);
  }

  @AllowExpired()
  @UseFilters(LogoutFilter)
  @Post('logout')
  @HttpCode(204)
  @ApiOperation({ summary: 'End this session; also one that timed out' })
  async logout(
    @CurrentSession() session: Session,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.sessions.revoke(session.userId, session.id, 'logout');
    this.tokens.takeBack({ request, response });
  }

  @Get('me')
  @ApiOperation({ summary: 'Who I am, and the session that I am using' })
  @ApiOkResponse({ type: IdentityReply })
  async me(@CurrentUser() user: UserState, @CurrentSession() session: Session): Promise<IdentityReply> {
    const [account, email] = await Promise.all([this.users.require(user.id), this.users.findEmail(user.id)]);
    return {
      user: { ...toUserDto(account, user), email },
      session: toSessionDto(session, session.id),
    };
  }

  @Post('keep-alive')
  @HttpCode(204)
  @ApiOperation({ summary: 'I am still here: the inactivity timeout begins anew. The absolute one does not' })
  keepAlive(): void {} // the check itself is the activity

  @Post('reauthenticate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Prove the password again: a new token, and the old one is dead' })
  @ApiOkResponse({ type: TokensDto })
  async reauthenticate(
    @Body() { password }: ReauthenticateDto,
    @CurrentUser() user: UserState,
    @CurrentSession() session: Session,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TokensDto> {
    const { username } = await this.users.require(user.id);
    const ip = this.transport.clientIp(request);
    const issued = await this.attempts.counting({ request, response, username }, () =>
      this.credentials.reauthenticate({ user, session }, { password, ip }),
    );
    return this.tokens.handOver({ request, response }, issued, this.tokens.transportOf(request));
  }

  @Put('password')
  @ApiOperation({
    summary: 'Change the password: every other session is ended, and this one gets a new token',
  })
  @ApiOkResponse({ type: TokensDto })
  async changePassword(
    @Body() change: ChangePasswordDto,
    @CurrentUser() user: UserState,
    @CurrentSession() session: Session,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TokensDto> {
    const { username } = await this.users.require(user.id);
    const ip = this.transport.clientIp(request);
    const issued = await this.attempts.counting({ request, response, username }, () =>
      this.credentials.changePassword({ user, session }, { ...change, ip }),
    );
    return this.tokens.handOver({ request, response }, issued, this.tokens.transportOf(request));
  }

  /** The session that came with a login is over: a planted one cannot outlive it, and a left one does not pile up. */
  private async endEarlierSession(request: Request): Promise<void> {
    const token = this.transport.readToken(request);
    const earlier = await this.sessions.decide(
      token,
      { roleGroups: [], allowExpired: true },
      { clientIp: this.transport.clientIp(request) },
    );
    if (earlier.permit) await this.sessions.revoke(earlier.session.userId, earlier.session.id, 'logout');
  }
}
