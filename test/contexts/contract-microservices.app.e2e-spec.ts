import { applyDecorators, Controller, type INestApplication, UseGuards } from '@nestjs/common';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import { SessionGuard } from '@latchkey/session';
import { firstValueFrom, timeout } from 'rxjs';
import { freePort } from '../support/free-port.js';
import { describeContext } from './support/describe-context.js';

const ports = new WeakMap<INestApplication, number>();
const tcp = (port: number) => ({ transport: Transport.TCP, options: { host: '127.0.0.1', port } }) as const;

describeContext({
  name: 'messages of a microservice',
  among: 'controllers',
  knowsClientIp: false,
  onMethod: (name) => MessagePattern(name),
  onClass: applyDecorators(Controller(), UseGuards(SessionGuard)),
  prepare: async (app) => {
    const port = await freePort();
    ports.set(app, port);
    app.connectMicroservice(tcp(port));
    await app.startAllMicroservices();
  },
  connect: async (app, token) => {
    const client = ClientProxyFactory.create(tcp(ports.get(app) ?? 0));
    const payload = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return {
      call: (handler) =>
        firstValueFrom(client.send<unknown>(handler, payload).pipe(timeout(5_000))).then(
          (value) => ({ value }),
          ({ code }: { code?: unknown }) => ({ code }),
        ),
      close: () => void client.close(),
    };
  },
});
