import { Controller, Get, Module, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  EventStreams,
  IpAllowlist,
  IpAllowlists,
  IpDenylist,
  Public,
  RateLimit,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
  UserStateService,
} from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import type { Request, Response } from 'express';

/** A node with handlers that named lists guard: `office`, and on top of it `day` and `night`. Behind one proxy. */
export async function startIpNode(options: SessionModuleOptions) {
  /** When a message that the list `office` guards was handled, by performance.now(). */
  const handled: number[] = [];

  @Controller()
  class Guarded {
    constructor(private readonly streams: EventStreams) {}

    @Get('any')
    any() {
      return {};
    }

    @IpAllowlist('office')
    @Get('office')
    office() {
      return {};
    }

    @IpAllowlist('office')
    @RateLimit({ name: 'counted', quota: 5, window: '1h', by: 'user' })
    @RateLimit({ name: 'counted-ip', quota: 5, window: '1h', by: 'ip' })
    @Get('counted')
    counted() {
      return {};
    }

    @IpAllowlist('office')
    @IpAllowlist('day')
    @IpDenylist('night')
    @Get('many')
    many() {
      return {};
    }

    @Public()
    @IpAllowlist('office')
    @Get('public')
    public() {
      return {};
    }

    @IpAllowlist('office')
    @Get('office/events')
    async officeEvents(@Req() request: Request, @Res() response: Response): Promise<void> {
      (await this.streams.open(request, response)).send('hello', {});
    }

    @Get('events')
    async events(@Req() request: Request, @Res() response: Response): Promise<void> {
      (await this.streams.open(request, response)).send('hello', {});
    }
  }

  @IpAllowlist('office')
  @WebSocketGateway({ path: '/office/ws' })
  class OfficeGateway {
    @SubscribeMessage('ping')
    ping(): object {
      return { event: 'pong', data: {} };
    }
  }

  @WebSocketGateway({ path: '/ws' })
  class Gateway {
    @SubscribeMessage('ping')
    ping(): object {
      return { event: 'pong', data: {} };
    }

    @IpAllowlist('office')
    @SubscribeMessage('act')
    act(): object {
      handled.push(performance.now());
      return { event: 'acted', data: {} };
    }
  }

  @Public()
  @IpAllowlist('office')
  @WebSocketGateway({ path: '/public/ws' })
  class PublicGateway {
    @SubscribeMessage('ping')
    ping(): object {
      return { event: 'pong', data: {} };
    }
  }

  @Module({
    imports: [SessionModule.forRoot({ guard: 'global', trustProxy: 1, ...options })],
    controllers: [Guarded],
    providers: [OfficeGateway, Gateway, PublicGateway],
  })
  class App {}

  const app = await NestFactory.create<NestExpressApplication>(App, { logger: false });
  app.useWebSocketAdapter(new SessionWsAdapter(app));
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    handled,
    lists: app.get(IpAllowlists),
    users: app.get(UserStateService),
    sessions: app.get(SessionService),
    async ask(path: string, from: Origin) {
      const response = await fetch(`${url}${path}`, { headers: headersOf(from) });
      const body = (await response.json()) as { readonly code?: string };
      return { status: response.status, code: body.code, headers: response.headers };
    },
    stop: () => app.close(),
  };
}

export type IpNode = Awaited<ReturnType<typeof startIpNode>>;

/** A client: its token, and the address that the proxy says it has. */
interface Origin {
  readonly token?: string;
  readonly ip: string;
}

export function headersOf({ token, ip }: Origin): Record<string, string> {
  return { 'x-forwarded-for': ip, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
}
