// A gateway that hands the session on to a gRPC service, and a refusal of the service to its own client.
import { BadGatewayException, Controller, Get, Inject, Module, Param, Post, Req } from '@nestjs/common';
import type { INestApplication, INestMicroservice, OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ClientGrpc, ClientsModule } from '@nestjs/microservices';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { SessionError, SessionModule, SessionTransport } from '@latchkey/session';
import type { HttpRequest, SessionErrorCode } from '@latchkey/session';
import { catchError, type Observable } from 'rxjs';
import { LoginController } from '../login.controller.js';
import { ordersOptions, redisUrl, startOrders } from './orders.js';

type Orders = Record<'list' | 'cancel', (message: object, session: Metadata) => Observable<object>>;

@Controller('auth')
class AuthController extends LoginController {}

@Controller('orders')
class GatewayController {
  constructor(
    @Inject('ORDERS') private readonly client: ClientGrpc,
    private readonly transport: SessionTransport,
  ) {}

  @Get()
  list(@Req() request: HttpRequest) {
    return this.ask('list', {}, request);
  }

  /** Only the service says who may: the gateway does not know. */
  @Post(':id/cancel')
  cancel(@Param('id') id: string, @Req() request: HttpRequest) {
    return this.ask('cancel', { id }, request);
  }

  private ask(method: keyof Orders, message: object, request: HttpRequest): Observable<object> {
    const session = new Metadata();
    session.set('authorization', `Bearer ${this.transport.readToken(request)}`);
    return this.client.getService<Orders>('Orders')[method](message, session).pipe(catchError(passOn));
  }
}

function passOn({ metadata }: Partial<ServiceError>): never {
  const [code] = metadata?.get('error-code') ?? [];
  throw code === undefined ? new BadGatewayException() : new SessionError(code as SessionErrorCode);
}

@Module({
  imports: [
    SessionModule.forRootAsync({ useFactory: () => ({ redis: redisUrl(), guard: 'global', strict: true }) }),
    ClientsModule.registerAsync([{ name: 'ORDERS', useFactory: ordersOptions }]),
  ],
  controllers: [AuthController, GatewayController],
})
export class AppModule implements OnApplicationShutdown {
  service?: INestMicroservice;
  onApplicationShutdown = () => this.service?.close();
}

/** Starts both. In a real system the service is a process of its own, on a machine of its own. */
export async function start(port = 3000): Promise<INestApplication> {
  const service = await startOrders();
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.get(AppModule).service = service;
  return app.listen(port, '127.0.0.1').then(() => app);
}
