import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerDuplexStream, ServerReadableStream, ServiceError } from '@grpc/grpc-js';
import { type CanActivate, Controller, type INestMicroservice, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import {
  CurrentUser,
  PolicyManifest,
  Roles,
  SessionError,
  SessionGuard,
  SessionModule,
  SessionService,
  type UserState,
  UserStateService,
} from '@latchkey/session';
import { LiveConnections } from '@latchkey/session/live';
import { lastValueFrom, map, type Observable, tap, toArray } from 'rxjs';
import { LiveConnection } from '../../libs/session/src/live/live-connection.js';
import { freePort } from '../support/free-port.js';
import { grpcClient, metadataOf, PROTO } from './support/rpc-transports.js';

interface Message {
  readonly text: string;
}

const heard: string[] = [];
/** What a check waits for. */
let checking: Promise<void> | undefined;
let asked = 0;

class Waits implements CanActivate {
  async canActivate(): Promise<true> {
    asked += 1;
    await checking;
    return true;
  }
}

@UseGuards(Waits, SessionGuard)
@Controller()
class Orders {
  @GrpcMethod()
  me(@CurrentUser() user: UserState): Message {
    return { text: user.id };
  }

  @Roles('moderator')
  @GrpcMethod()
  moderate(): Message {
    return { text: 'ran' };
  }

  @GrpcMethod()
  slow(): Message {
    throw new SessionError('session_store_unavailable', { cause: new Error('secret') });
  }

  @GrpcStreamMethod()
  upload(messages: Observable<Message>): Promise<Message> {
    return lastValueFrom(
      messages.pipe(
        tap(({ text }) => heard.push(text)),
        map(({ text }) => text),
        toArray(),
        map((texts) => ({ text: texts.join() })),
      ),
    );
  }

  @GrpcStreamMethod()
  chat(messages: Observable<Message>): Observable<Message> {
    return messages.pipe(
      tap(({ text }) => heard.push(text)),
      map(({ text }) => ({ text: `echo ${text}` })),
    );
  }

  @GrpcStreamCall()
  rawUpload(
    call: ServerReadableStream<Message, Message>,
    callback: (error: null, reply: Message) => void,
  ): void {
    const texts: string[] = [];
    call.on('data', ({ text }: Message) => {
      heard.push(text);
      texts.push(text);
    });
    // As after a write to a database: the request stream is closed by then.
    call.on('end', () => setTimeout(() => callback(null, { text: texts.join() }), 20));
  }

  @GrpcStreamCall()
  rawChat(call: ServerDuplexStream<Message, Message>): void {
    call.on('data', ({ text }: Message) => {
      heard.push(text);
      call.write({ text: `echo ${text}` });
    });
    call.on('end', () => call.end());
  }
}

/** What a client has of a call that streams. */
interface Call {
  write(message: Message): void;
  end(): void;
  on(event: 'data', listener: (message: Message) => void): void;
  on(event: 'error', listener: (error: ServiceError) => void): void;
  on(event: 'end', listener: () => void): void;
}

const UPLOADS = ['Upload', 'RawUpload'] as const;
const CHATS = ['Chat', 'RawChat'] as const;
/** More than the time that anything here may take. */
const HANG_MS = 3_000;

describe('gRPC', () => {
  let app: INestMicroservice;
  let client: ReturnType<typeof grpcClient>;
  let connections: LiveConnections;
  let users: UserStateService;
  let made = 0;
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);

  beforeAll(async () => {
    process.on('unhandledRejection', note);
    const options: MicroserviceOptions = {
      transport: Transport.GRPC,
      options: { url: `127.0.0.1:${await freePort()}`, package: 'latchkey', protoPath: PROTO },
    };
    @Module({
      imports: [SessionModule.forRoot({ allowMemoryInProduction: true, strict: true })],
      controllers: [Orders],
    })
    class App {}
    app = await NestFactory.createMicroservice<MicroserviceOptions>(App, { ...options, logger: false });
    await app.listen();
    client = grpcClient(options);
    connections = app.get(LiveConnections);
    users = app.get(UserStateService);
  });
  afterAll(async () => {
    client.close();
    await app.close();
    process.off('unhandledRejection', note);
  });
  beforeEach(() => {
    heard.length = 0;
  });
  afterEach(async () => {
    await sleep(20);
    expect(connections.size).toBe(0);
    expect(unhandled).toEqual([]);
  });

  async function signedIn(): Promise<{ userId: string; bearer: string }> {
    const userId = `user-${(made += 1)}`;
    const { token } = await app.get(SessionService).create(userId);
    return { userId, bearer: `Bearer ${token}` };
  }

  const deadline = () => ({ deadline: Date.now() + HANG_MS });

  function ask(method: string, bearer?: string): Promise<Message | ServiceError> {
    return new Promise((resolve) => {
      client[method]?.({}, metadataOf(bearer), deadline(), (error: ServiceError | null, reply: Message) =>
        resolve(error ?? reply),
      );
    });
  }

  function upload(method: string, bearer?: string) {
    let answer: (outcome: Message | ServiceError) => void;
    const outcome = new Promise<Message | ServiceError>((resolve) => (answer = resolve));
    const call = client[method]?.(
      metadataOf(bearer),
      deadline(),
      (error: ServiceError | null, reply: Message) => answer(error ?? reply),
    ) as unknown as Call;
    return { call, outcome };
  }

  function chat(method: string, bearer?: string) {
    const call = client[method]?.(metadataOf(bearer), deadline()) as unknown as Call;
    const received: string[] = [];
    const outcome = new Promise<ServiceError | 'ended'>((resolve) => {
      call.on('data', ({ text }) => received.push(text));
      call.on('error', resolve);
      call.on('end', () => resolve('ended'));
    });
    return { call, received, outcome };
  }

  const refusal = (code: number, ours: string) =>
    expect.objectContaining({ code, metadata: expect.objectContaining({}), ours });
  const withOurs = (error: unknown) =>
    Object.assign(error as ServiceError, { ours: (error as ServiceError).metadata.get('error-code')[0] });

  it('answers with the status that clients know, and our code beside it', async () => {
    const { userId, bearer } = await signedIn();
    expect(await ask('Me', bearer)).toMatchObject({ text: userId });
    const missing = withOurs(await ask('Me'));
    expect(missing).toEqual(refusal(16, 'session_missing'));
    expect(missing.details).toBe('Authentication is required');
    expect(withOurs(await ask('Me', 'Bearer x'))).toEqual(refusal(16, 'session_invalid'));
    expect(withOurs(await ask('Moderate', bearer))).toEqual(refusal(7, 'forbidden'));
    const away = withOurs(await ask('Slow', bearer));
    expect(away).toEqual(refusal(14, 'session_store_unavailable'));
    expect(JSON.parse(String(away.metadata.get('problem-bin')[0]))).toMatchObject({ retryAfterSeconds: 1 });
    expect(JSON.stringify(away.metadata.toJSON())).not.toContain('secret');
  });

  it.each(UPLOADS)('%s: takes a stream of requests with a session', async (method) => {
    const { bearer } = await signedIn();
    const { call, outcome } = upload(method, bearer);
    for (const text of ['a', 'b']) call.write({ text });
    call.end();
    expect(await outcome).toMatchObject({ text: 'a,b' });
  });

  it.each(CHATS)('%s: takes and gives streams with a session', async (method) => {
    const { bearer } = await signedIn();
    const { call, received, outcome } = chat(method, bearer);
    for (const text of ['a', 'b']) call.write({ text });
    call.end();
    expect(await outcome).toBe('ended');
    expect(received).toEqual(['echo a', 'echo b']);
  });

  it.each(CHATS)('%s: ends after what is held back, not before it', async (method) => {
    const { bearer } = await signedIn();
    const deliver = Reflect.get(LiveConnection.prototype, 'deliver');
    // As while an answer of Redis is awaited.
    const spy = jest.spyOn(LiveConnection.prototype, 'deliver').mockImplementation(function (
      this: LiveConnection,
      delivery,
    ) {
      setTimeout(() => deliver.call(this, delivery), 50);
    });
    const { call, received, outcome } = chat(method, bearer);
    for (const text of ['a', 'b']) call.write({ text });
    call.end();
    expect(await outcome).toBe('ended');
    expect(received).toEqual(['echo a', 'echo b']);
    spy.mockRestore();
  });

  it.each(UPLOADS)('%s: is refused without one, and hangs nowhere', async (method) => {
    const { call, outcome } = upload(method);
    call.write({ text: 'a' });
    expect(withOurs(await outcome)).toEqual(refusal(16, 'session_missing'));
    expect(heard).toEqual([]);
  });

  it.each(CHATS)('%s: is refused without one, and hangs nowhere', async (method) => {
    const { call, outcome } = chat(method, 'Bearer x');
    call.write({ text: 'a' });
    expect(withOurs(await outcome)).toEqual(refusal(16, 'session_invalid'));
    expect(heard).toEqual([]);
  });

  it.each(UPLOADS)('%s: ends with its session', async (method) => {
    const { userId, bearer } = await signedIn();
    const { call, outcome } = upload(method, bearer);
    call.write({ text: 'a' });
    while (heard.length === 0) await sleep(5);
    expect(connections.size).toBe(1);
    await users.block(userId, { reason: 'spam' });
    call.write({ text: 'b' });
    expect(withOurs(await outcome)).toEqual(refusal(7, 'user_blocked'));
    await sleep(50);
    expect(heard).toEqual(['a']);
  });

  it.each(CHATS)('%s: ends with its session', async (method) => {
    const { userId, bearer } = await signedIn();
    const { call, received, outcome } = chat(method, bearer);
    call.write({ text: 'a' });
    while (received.length === 0) await sleep(5);
    expect(connections.size).toBe(1);
    await users.block(userId, { reason: 'spam' });
    call.write({ text: 'b' });
    expect(withOurs(await outcome)).toEqual(refusal(7, 'user_blocked'));
    await sleep(50);
    expect([heard, received]).toEqual([['a'], ['echo a']]);
  });

  it('refuses more streams of one session than the option live allows', async () => {
    const { bearer } = await signedIn();
    const open = Array.from({ length: 16 }, () => chat('Chat', bearer));
    for (const { call } of open) call.write({ text: 'a' });
    while (open.some(({ received }) => received.length === 0)) await sleep(5);
    const { outcome } = chat('Chat', bearer);
    expect(withOurs(await outcome)).toEqual(refusal(8, 'too_many_connections'));
    for (const { call } of open) call.end();
    await Promise.all(open.map((one) => one.outcome));
  });

  it('lists which streams end with their session', () => {
    const ending = app
      .get(PolicyManifest)
      .list()
      .filter(({ endsWithSession }) => endsWithSession);
    expect(ending.map(({ handler }) => handler).toSorted()).toEqual(
      ['chat', 'rawChat', 'rawUpload', 'upload'].map((name) => `Orders.${name}`),
    );
  });

  it('leaves a stream whose client has gone', async () => {
    const { bearer } = await signedIn();
    const open = CHATS.map((method) => chat(method, bearer));
    for (const { call } of open) call.write({ text: 'a' });
    while (open.some(({ received }) => received.length === 0)) await sleep(5);
    for (const { call, outcome } of open) {
      (call as unknown as { cancel(): void }).cancel();
      await outcome;
    }
    while (connections.size > 0) await sleep(5);
  });

  it.each([...CHATS, 'Upload', 'RawUpload'])(
    '%s: leaves a stream whose client went while it was checked',
    async (method) => {
      const { bearer } = await signedIn();
      let go = (): void => undefined;
      checking = new Promise((resolve) => (go = resolve));
      const before = asked;
      const { call, outcome } = UPLOADS.includes(method as 'Upload')
        ? upload(method, bearer)
        : chat(method, bearer);
      call.write({ text: 'a' });
      while (asked === before) await sleep(5);
      (call as unknown as { cancel(): void }).cancel();
      await outcome;
      await sleep(50);
      checking = undefined;
      go();
      await sleep(100);
      expect(connections.size).toBe(0);
    },
  );
});
