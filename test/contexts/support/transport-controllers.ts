import { Body, Controller, Get, Post, Req, Res } from '@nestjs/common';
import {
  CurrentSession,
  OptionalSession,
  Public,
  SessionService,
  SessionTransport,
  type HttpRequest,
  type HttpResponse,
  type Session,
} from '@latchkey/session';

@Controller('auth')
class AuthController {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
  ) {}

  @Public()
  @Post('login')
  async login(
    @Body() body: { userId: string; twice?: boolean; assertFirst?: boolean },
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    if (body.assertFirst) this.transport.assertSameOrigin(request);
    const device = this.transport.deviceOf(request, 'my laptop');
    let issued = await this.sessions.create(body.userId, { device });
    if ('header' in response)
      (response as { header(name: string, value: string): void }).header('Set-Cookie', 'theme=dark');
    this.transport.setCookie(request, response, issued);
    if (body.twice) {
      issued = await this.sessions.replaceToken(issued.session);
      this.transport.setCookie(request, response, issued);
    }
    return { session: issued.session };
  }

  @Post('logout')
  async logout(@CurrentSession() session: Session, @Res({ passthrough: true }) response: HttpResponse) {
    await this.sessions.revoke(session.userId, session.id, 'logout');
    this.transport.clearCookie(response);
    return {};
  }

  @Public()
  @Get('callback')
  async callback(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse) {
    this.transport.setCookie(request, response, await this.sessions.create('alice'));
    return {};
  }

  @Public()
  @Post('read')
  read(@Req() request: HttpRequest) {
    return { token: this.transport.readToken(request) ?? null, ip: this.transport.clientIp(request) ?? null };
  }
}

@Controller('things')
class ThingsController {
  @Get()
  read() {
    return {};
  }

  @Post()
  write() {
    return {};
  }

  @OptionalSession()
  @Post('optional')
  optional() {
    return {};
  }

  @Public()
  @Post('public')
  public() {
    return {};
  }
}

/** Routes that carry, set and take back tokens, for `guard: 'global'`. */
export const controllers = [AuthController, ThingsController];
