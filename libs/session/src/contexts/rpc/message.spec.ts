import { Metadata } from '@grpc/grpc-js';
import { headers as natsHeaders } from '@nats-io/transport-node';
import {
  BaseRpcContext,
  KafkaContext,
  MqttContext,
  NatsContext,
  RedisContext,
  RmqContext,
  TcpContext,
} from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { ERROR_CODES } from '../../model/error-codes.js';
import { answerRpc, grpcErrorOf, type RpcError } from './answer.js';
import { rpcCallOf } from './message.js';

const BEARER = 'Bearer abc';
const none = {} as never;

function tokenIn(...args: unknown[]): string | undefined {
  return rpcCallOf(args)?.credentials?.token;
}

function nats(...values: string[]): NatsContext {
  const headers = natsHeaders();
  for (const value of values) headers.append('authorization', value);
  return new NatsContext(['subject', headers]);
}

function grpc(...values: string[]): Metadata {
  const metadata = new Metadata();
  for (const value of values) metadata.add('Authorization', value);
  return metadata;
}

const rabbit = (headers: unknown) => new RmqContext([{ properties: { headers } }, none, 'pattern']);
const kafka = (headers: unknown) => new KafkaContext([{ headers } as never, 0, 'topic', none, none, none]);
const tcp = (metadata?: unknown) => new TcpContext([none, 'pattern', metadata as never]);

describe('the token of a message', () => {
  it.each<[string, unknown[]]>([
    ['gRPC', [{}, grpc(BEARER), {}]],
    ['NATS', [{}, nats(BEARER)]],
    ['RabbitMQ', [{}, rabbit({ authorization: BEARER })]],
    ['Kafka', [{}, kafka({ authorization: Buffer.from(BEARER) })]],
    ['Kafka, as text', [{}, kafka({ authorization: BEARER })]],
    ['TCP, in its metadata', [{}, tcp({ authorization: BEARER })]],
    ['TCP, in its payload', [{ authorization: BEARER }, tcp()]],
    ['TCP of Nest 11', [{ authorization: BEARER }, { getArgs() {}, getSocketRef() {}, getPattern() {} }]],
    ['Redis', [{ authorization: BEARER }, new RedisContext(['channel', undefined])]],
    [
      'MQTT, which has no headers that Nest sets',
      [{ authorization: BEARER }, new MqttContext(['topic', {}])],
    ],
    ['a transport of the app', [{ authorization: BEARER }, new BaseRpcContext([])]],
  ])('comes over %s', (_name, args) => {
    expect(tokenIn(...args)).toBe('abc');
  });

  it('is taken from one place alone, wherever there are headers', () => {
    const payload = { authorization: BEARER };
    const contexts = [
      grpc(),
      nats(),
      new NatsContext(['s', undefined as never]),
      rabbit({}),
      rabbit(undefined),
    ];
    for (const context of [...contexts, kafka({}), kafka(undefined)])
      expect(tokenIn(payload, context)).toBeUndefined();
    expect(tokenIn(payload, tcp({ authorization: 'Bearer other' }))).toBe('other');
  });

  it('is none that could be right where it came twice or is no text', () => {
    expect(tokenIn({}, grpc(BEARER, BEARER))).not.toBe('abc');
    expect(tokenIn({}, nats(BEARER, BEARER))).not.toBe('abc');
    for (const odd of [
      [BEARER],
      { toString: () => BEARER },
      5,
      true,
      Object.create({ authorization: BEARER }),
    ]) {
      expect(tokenIn({ authorization: odd }, tcp())).not.toBe('abc');
      expect(tokenIn({}, rabbit({ authorization: odd }))).not.toBe('abc');
      expect(tokenIn({}, kafka({ authorization: odd }))).not.toBe('abc');
    }
    expect(tokenIn(Object.create({ authorization: BEARER }), tcp())).toBeUndefined();
    for (const payload of ['Bearer abc', null, undefined, 5, [BEARER]])
      expect(tokenIn(payload, tcp())).toBeUndefined();
  });

  it('belongs to one handler of one message, also where others have the same context', () => {
    const context = tcp({ authorization: BEARER });
    const handlers: unknown[][] = [
      [{}, context],
      [{}, context],
    ];
    const [one, other] = handlers.map((args) => rpcCallOf(args));
    expect(one?.unit).not.toBe(other?.unit);
    expect(one?.request).not.toBe(other?.request);
    for (const [i, args] of handlers.entries()) {
      expect(rpcCallOf(args)).toEqual([one, other][i]);
      expect(args[1]).toBe([one, other][i]?.unit);
      expect(args[1]).toBeInstanceOf(TcpContext);
      expect((args[1] as TcpContext).getPattern()).toBe('pattern');
    }
  });

  it('leaves the handler a context that works, also one that hides its members', () => {
    class OwnContext extends BaseRpcContext {
      readonly #subject = 'orders';
      get subject() {
        return this.#subject;
      }
      getSubject() {
        return this.#subject;
      }
    }
    const original = new OwnContext([]);
    const args: unknown[] = [{ authorization: BEARER }, original];
    expect(rpcCallOf(args)?.credentials).toEqual({ token: 'abc', transport: 'bearer' });
    const context = args[1] as OwnContext & { mine?: string };
    expect([context.subject, context.getSubject(), context.constructor]).toEqual([
      'orders',
      'orders',
      OwnContext,
    ]);
    context.mine = 'own';
    expect([context.mine, original]).toEqual(['own', expect.not.objectContaining({ mine: 'own' })]);
  });

  it('is not looked for where nothing tells one message from another', () => {
    for (const context of [undefined, null, 'text', {}, { authorization: BEARER }, []])
      expect(rpcCallOf([{ authorization: BEARER }, context])).toBeUndefined();
  });

  it('says nothing of a client that could be taken for its address', () => {
    const call = rpcCallOf([{}, rabbit({ 'x-forwarded-for': '10.0.0.1', authorization: BEARER })]);
    expect(call?.request).toEqual({ headers: { authorization: BEARER }, method: 'MESSAGE', rawHeaders: [] });
  });
});

describe('the answer to a message', () => {
  const error: RpcError = { status: 'error', code: 'user_blocked', message: 'Über', statusCode: 403 };

  it('is the error itself, or on gRPC a status that has it in its metadata', async () => {
    await expect(lastValueFrom(answerRpc([{}, tcp()], error))).rejects.toBe(error);
    const status = grpcErrorOf(error, grpc(BEARER)) as { code: number; metadata: Metadata };
    expect(status.code).toBe(7);
    expect(status.metadata.get('error-code')).toEqual(['user_blocked']);
    expect(JSON.parse(String(status.metadata.get('problem-bin')[0]))).toEqual(error);
    expect(status.metadata.get('authorization')).toEqual([]);
  });

  it('has a status of gRPC for each of ours', () => {
    const codeOf = (statusCode: number) =>
      (grpcErrorOf({ ...error, statusCode }, grpc()) as { code: number }).code;
    const codes = [400, 401, 403, 404, 409, 413, 429, 503, 418].map(codeOf);
    expect(codes).toEqual([3, 16, 7, 5, 10, 3, 8, 14, 2]);
    for (const { status } of Object.values(ERROR_CODES)) expect(codeOf(status)).not.toBe(2);
  });

  it('to a raw stream of gRPC goes by its callback or the stream, and rejects nowhere', async () => {
    const told: unknown[] = [];
    const stream = { metadata: grpc(), write() {}, emit: (...what: unknown[]) => void told.push(what) };
    const status = expect.objectContaining({ code: 7 });
    await expect(lastValueFrom(answerRpc([stream], error))).resolves.toBeUndefined();
    await expect(
      lastValueFrom(answerRpc([stream, (given: unknown) => void told.push(given)], error)),
    ).resolves.toBeUndefined();
    expect(told).toEqual([['error', status], status]);
  });
});
