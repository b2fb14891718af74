import { Body, Controller, Module, Post, Req, Res } from '@nestjs/common';
import { type HttpRequest, type HttpResponse, Public, SessionModule } from '@latchkey/session';
import { type IssuedSession, SessionService, SessionTransport } from '@latchkey/session';

@Public()
@Controller('auth')
class AuthController {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
  ) {}

  @Post('login')
  async login(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse) {
    this.transport.assertSameOrigin(request);
    const device = this.transport.deviceOf(request);
    return this.hand(await this.sessions.create('42', { device }), request, response); // after your password check
  }

  @Post('refresh')
  async refresh(
    @Body() body: { refreshToken?: string } | undefined,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    const presented = this.transport.readRefreshToken(request, body?.refreshToken);
    const { refreshToken, transport, ...accessToken } = presented;
    const device = this.transport.deviceOf(request);
    const issued = await this.sessions.refresh(refreshToken, { ...accessToken, device });
    if (transport === 'cookie') return this.hand(issued, request, response);
    return { token: issued.token, refreshToken: issued.refreshToken, expiresAt: issued.expiresAt };
  }

  private hand(issued: IssuedSession, request: HttpRequest, response: HttpResponse) {
    this.transport.setCookie(request, response, issued); // both tokens, each in its own cookie
    return { expiresAt: issued.expiresAt };
  }
}

@Module({
  imports: [SessionModule.forRoot({ guard: 'global', refresh: { accessTokenTtl: '10m', grace: '10s' } })],
  controllers: [AuthController],
})
export class AppModule {}
