import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod, Transport } from '@nestjs/microservices';
import { of } from 'rxjs';
import { grpcClient, metadataOf, PROTO } from '../../contexts/support/rpc-transports.js';
import { decorate, type Kind, type Target } from './kind.js';

const HANG_MS = 2_000;
const MESSAGE = { text: 'ran' };

const options = (port: number) =>
  ({
    transport: Transport.GRPC,
    options: { url: `127.0.0.1:${port}`, package: 'latchkey', protoPath: PROTO },
  }) as const;

/** @param rpc a method of the proto that both sides stream to, or else neither */
function grpc(
  decorator: typeof GrpcMethod,
  { name, rpc, answer }: { name: string; rpc: string; answer: (call: unknown) => unknown },
): Kind {
  return {
    name,
    app: 'rpc',
    isVariant: true,
    microservice: options,
    subject: (target: Target) => {
      class Subject {
        act(call: unknown) {
          target.ran();
          return answer(call);
        }
      }
      const marks = [decorator('Orders', rpc), ...target.onHandler];
      decorate(Subject, 'act', marks, [Controller(), ...target.onClass]);
      return { owner: Subject, module: { controllers: [Subject] } };
    },
    call: ({ tcpPort }) =>
      new Promise((resolve) => {
        const client = grpcClient(options(tcpPort));
        const deadline = { deadline: Date.now() + HANG_MS };
        const done = (): void => {
          client.close();
          resolve();
        };
        if (rpc === 'Me') {
          client[rpc]?.(MESSAGE, metadataOf(undefined), deadline, done);
          return;
        }
        const call = client[rpc]?.(metadataOf(undefined), deadline) as unknown as ServerDuplexStream<
          object,
          object
        >;
        call
          .on('error', done)
          .on('end', done)
          .on('data', () => undefined);
        call.end();
      }),
  };
}

export const GRPC: readonly Kind[] = [
  grpc(GrpcMethod, { name: '@GrpcMethod()', rpc: 'Me', answer: () => MESSAGE }),
  grpc(GrpcStreamMethod, { name: '@GrpcStreamMethod()', rpc: 'Chat', answer: () => of(MESSAGE) }),
  grpc(GrpcStreamCall, {
    name: '@GrpcStreamCall()',
    rpc: 'RawChat',
    answer: (call) => (call as ServerDuplexStream<object, object>).end(),
  }),
];
