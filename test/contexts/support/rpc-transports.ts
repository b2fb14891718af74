import { join } from 'node:path';
import { type Client, credentials, loadPackageDefinition, Metadata, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { headers as natsHeaders } from '@nats-io/transport-node';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  GrpcMethod,
  MessagePattern,
  type MicroserviceOptions,
  NatsRecordBuilder,
  RmqRecordBuilder,
  Transport,
} from '@nestjs/microservices';
import { firstValueFrom, Observable, timeout } from 'rxjs';
import { freePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis-server.js';
import { type Broker, startNats, startRabbit } from './brokers.js';

/** What a client of a microservice is answered with, or refused with. */
export type Outcome = Readonly<Record<string, unknown>>;

/** A client that nobody here wrote, on one transport. */
export interface Caller {
  /** @param authorization as the transport's own place has it; absent: nothing is sent there */
  send(pattern: string, authorization?: string): Promise<Outcome>;
  stream(pattern: string, authorization?: string): Observable<Outcome>;
  emit(pattern: string, authorization?: string): void;
  close(): unknown;
}

export interface RpcTransport {
  readonly name: string;
  /** Nest has no events over gRPC. */
  readonly hasEvents: boolean;
  readonly broker?: () => Promise<Broker>;
  readonly options: (url: string) => Promise<MicroserviceOptions> | MicroserviceOptions;
  readonly connect: (options: MicroserviceOptions) => Promise<Caller> | Caller;
  /** What a handler is marked with. */
  readonly on: (pattern: string) => MethodDecorator;
}

const HANG_MS = 5_000;
export const PROTO = join(import.meta.dirname, 'orders.proto');

type Dressed = (authorization: string | undefined) => unknown;
type Packet = { readonly data: object; metadata?: object };

function proxied(
  options: MicroserviceOptions,
  dressed: Dressed,
  hook?: (client: ClientProxy) => void,
): Caller {
  const client = ClientProxyFactory.create(options as never) as unknown as ClientProxy;
  hook?.(client);
  const stream = (pattern: string, authorization?: string) =>
    client.send<Outcome>(pattern, dressed(authorization));
  return {
    stream,
    send: (pattern, authorization) =>
      firstValueFrom(stream(pattern, authorization).pipe(timeout(HANG_MS))).catch((error: Outcome) => error),
    emit: (pattern, authorization) => void client.emit(pattern, dressed(authorization)),
    close: () => client.close(),
  };
}

const inPayload: Dressed = (authorization) => ({
  text: 'hello',
  ...(authorization === undefined ? {} : { authorization }),
});

const tcp = async (): Promise<MicroserviceOptions> => ({
  transport: Transport.TCP,
  options: { host: '127.0.0.1', port: await freePort() },
});

const named = {
  hasEvents: true,
  on: (pattern: string): MethodDecorator =>
    (pattern.startsWith('event-') ? EventPattern(pattern) : MessagePattern(pattern)) as MethodDecorator,
};

export const TCP: RpcTransport = {
  ...named,
  name: 'TCP',
  options: tcp,
  connect: (options) => proxied(options, inPayload),
};

export const TRANSPORTS: readonly RpcTransport[] = [
  TCP,
  {
    ...TCP,
    name: 'TCP with metadata',
    connect: (options) => {
      const sent = new WeakMap<object, string>();
      return proxied(
        options,
        (authorization) => {
          const payload = { text: 'hello' };
          if (authorization !== undefined) sent.set(payload, authorization);
          return payload;
        },
        (client) =>
          client.setOnDispatchHook((packet: Packet) => {
            const authorization = sent.get(packet.data);
            if (authorization !== undefined) packet.metadata = { authorization };
          }),
      );
    },
  },
  {
    ...named,
    name: 'Redis',
    broker: () => RedisServer.start(),
    options: (url) => ({
      transport: Transport.REDIS,
      options: { host: '127.0.0.1', port: Number(new URL(url).port) },
    }),
    connect: (options) => proxied(options, inPayload),
  },
  {
    ...named,
    name: 'NATS',
    broker: startNats,
    options: (url) => ({ transport: Transport.NATS, options: { servers: [url] } }),
    connect: (options) =>
      proxied(options, (authorization) => {
        const headers = natsHeaders();
        if (authorization !== undefined) headers.set('authorization', authorization);
        return new NatsRecordBuilder({ text: 'hello' }).setHeaders(headers).build();
      }),
  },
  {
    ...named,
    name: 'RabbitMQ',
    broker: startRabbit,
    options: (url) => ({
      transport: Transport.RMQ,
      options: { urls: [url], queue: 'orders', queueOptions: { durable: false } },
    }),
    connect: (options) =>
      proxied(options, (authorization) =>
        new RmqRecordBuilder({ text: 'hello' })
          .setOptions({ headers: authorization === undefined ? {} : { authorization } })
          .build(),
      ),
  },
  {
    name: 'gRPC',
    hasEvents: false,
    options: async () => ({
      transport: Transport.GRPC,
      options: { url: `127.0.0.1:${await freePort()}`, package: 'latchkey', protoPath: PROTO },
    }),
    connect: grpcCaller,
    on: (pattern) => GrpcMethod('Orders', methodOf(pattern)),
  },
];

type Call = Record<string, (...args: unknown[]) => never>;

/** A client of `@grpc/grpc-js` itself. */
export function grpcClient({ options }: MicroserviceOptions): Client & Call {
  const { latchkey } = loadPackageDefinition(loadSync(PROTO)) as unknown as {
    latchkey: { Orders: new (url: string, channel: unknown) => Client & Call };
  };
  return new latchkey.Orders((options as { url: string }).url, credentials.createInsecure());
}

export function metadataOf(authorization: string | undefined): Metadata {
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set('authorization', authorization);
  return metadata;
}

/** What our error is to a gRPC client: the status beside what the other transports have. */
export function problemOf({ code: grpcStatus, details, metadata }: ServiceError): Outcome {
  const [problem] = metadata.get('problem-bin');
  return { ...(problem ? (JSON.parse(String(problem)) as object) : {}), grpcStatus, details };
}

function grpcCaller(options: MicroserviceOptions): Caller {
  const client = grpcClient(options);
  return {
    send: (pattern, authorization) =>
      new Promise((resolve) => {
        const deadline = Date.now() + HANG_MS;
        const done = (error: ServiceError | null, reply: { text: string }) =>
          resolve(error ? problemOf(error) : (JSON.parse(reply.text) as Outcome));
        client[methodOf(pattern)]?.({ text: 'hello' }, metadataOf(authorization), { deadline }, done);
      }),
    stream: (pattern, authorization) =>
      new Observable((observer) => {
        const call = client[methodOf(pattern)]?.({ text: 'hello' }, metadataOf(authorization)) as unknown as {
          on(event: string, listener: (value: never) => void): void;
          cancel(): void;
        };
        call.on('data', ({ text }: { text: string }) => observer.next(JSON.parse(text) as Outcome));
        call.on('error', (error: ServiceError) => observer.error(problemOf(error)));
        call.on('end', () => observer.complete());
        return () => call.cancel();
      }),
    emit: () => undefined,
    close: () => client.close(),
  };
}

/** `for-services` is `ForServices` of the proto. */
function methodOf(pattern: string): string {
  return pattern.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}
