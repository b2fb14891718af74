// The service: with each call it checks the session itself, in the Redis of the gateway.
import { join } from 'node:path';
import { Controller, type INestMicroservice, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, type GrpcOptions, Payload, Transport } from '@nestjs/microservices';
import { CurrentUser, Roles, SessionGuard, SessionModule, type UserState } from '@latchkey/session';
import { map, type Observable, timer } from 'rxjs';

type Order = Readonly<Record<'id' | 'customer', string>>;

/** Where service and gateway find each other, and both of them Redis. */
export const ordersOptions = (): GrpcOptions => ({
  transport: Transport.GRPC,
  options: {
    url: process.env['ORDERS_URL'] ?? '127.0.0.1:50051',
    package: 'shop',
    protoPath: join(import.meta.dirname, 'orders.proto'),
  },
});
export const redisUrl = (): string => process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';

@UseGuards(SessionGuard)
@Controller()
class OrdersController {
  @GrpcMethod('Orders')
  list(@CurrentUser() { id }: UserState): { orders: Order[] } {
    return { orders: [{ id: 'A-1', customer: id }] };
  }

  @Roles('editor')
  @GrpcMethod('Orders')
  cancel(@Payload() order: Order): Order {
    return order;
  }

  /** Goes on for as long as the session does. */
  @GrpcMethod('Orders')
  watch(@CurrentUser() { id: customer }: UserState): Observable<Order> {
    return timer(0, 20).pipe(map((count) => ({ id: `A-${count + 1}`, customer })));
  }
}

@Module({
  imports: [SessionModule.forRootAsync({ useFactory: () => ({ redis: redisUrl(), strict: true }) })],
  controllers: [OrdersController],
})
class OrdersModule {}

export async function startOrders(): Promise<INestMicroservice> {
  const options: GrpcOptions = ordersOptions();
  const app = await NestFactory.createMicroservice(OrdersModule, { ...options, logger: ['error', 'warn'] });
  return app.listen().then(() => app);
}
