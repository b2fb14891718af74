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
    return this.hand(await this.sessions.create('42', { device }), request, response); // after a password
  }

  @Post('refresh')
  async refresh(
    @Body() body: { refreshToken?: string } | undefined,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    const presented = this.transport.readRefreshToken(request, body?.refreshToken);
    const { refreshToken, accessToken, transport } = presented;
    const device = this.transport.deviceOf(request);
    const issued = await this.sessions.refresh(refreshToken, {
      device,
      ...(accessToken === undefined ? {} : { accessToken }),
    });
    if (transport === 'cookie') return this.hand(issued, request, response);
    return { token: issued.token, refreshToken: issued.refreshToken, expiresAt: issued.expiresAt };
  }

  private hand(issued: IssuedSession, request: HttpRequest, response: HttpResponse) {
    this.transport.setCookie(request, response, issued); // both, each in its own
    return { expiresAt: issued.expiresAt };
  }
}

@Module({
  imports: [SessionModule.forRoot({ guard: 'global', refresh: { accessTokenTtl: '10m', grace: '10s' } })],
  controllers: [AuthController],
})
export class AppModule {}
