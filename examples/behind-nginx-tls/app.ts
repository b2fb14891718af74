// Behind nginx, which ends TLS: the client IP and the app's own origin come from the proxy, and from nobody else.
import { Controller, Get, type INestApplication, type MessageEvent, Module, Req, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  CurrentSession,
  type HttpRequest,
  type Session,
  SessionModule,
  SessionTransport,
} from '@latchkey/session';
import { interval, map, type Observable } from 'rxjs';
import { LoginController } from '../login.controller.js';

@Controller('auth')
class AuthController extends LoginController {}

@Controller()
class AppController {
  constructor(private readonly transport: SessionTransport) {}

  @Get('me')
  me(@CurrentSession() { userId, device }: Session, @Req() request: HttpRequest) {
    return { userId, loggedInFrom: device.ip, clientIp: this.transport.clientIp(request) };
  }

  @Sse('ticks')
  ticks(): Observable<MessageEvent> {
    return interval(100).pipe(map((n) => ({ type: 'tick', data: { n } })));
  }
}

@Module({
  imports: [
    SessionModule.forRoot({
      guard: 'global',
      strict: true,
      trustProxy: ['127.0.0.1/32'], // where nginx is; nginx.conf writes X-Forwarded-For, -Proto and -Host
      allowMemoryInProduction: true,
    }),
  ],
  controllers: [AuthController, AppController],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}
