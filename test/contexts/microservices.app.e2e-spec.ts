import {
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  type INestApplication,
  type LoggerService,
  Module,
  UseFilters,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { Public, SessionError, SessionModule } from '@latchkey/session';
import { firstValueFrom, type Observable, throwError, timeout } from 'rxjs';
import request from 'supertest';
import { freePort } from '../support/free-port.js';

const heard: string[] = [];

@Controller()
class Messages {
  @MessagePattern('plain')
  plain() {
    return 'ran';
  }

  @Public()
  @MessagePattern('public')
  public() {
    return 'ran';
  }

  @Public()
  @MessagePattern('throws-ours')
  throwsOurs() {
    throw new SessionError('user_blocked', {
      block: { reason: 'spam', by: 'mia', at: 5 },
      cause: new Error('secret'),
    });
  }

  @Public()
  @MessagePattern('rejects-ours')
  rejectsOurs(): Promise<never> {
    return Promise.reject(new SessionError('session_store_unavailable', { cause: new Error('secret') }));
  }

  @Public()
  @MessagePattern('streams-ours')
  streamsOurs(): Observable<never> {
    return throwError(() => new SessionError('user_unknown'));
  }

  @Public()
  @MessagePattern('throws-its-own')
  throwsItsOwn() {
    throw new RpcException('its own');
  }

  @Public()
  @EventPattern('happened')
  happened(payload: string) {
    heard.push(payload);
    throw new SessionError('user_unknown');
  }
}

/** Routes and messages in one class. */
@Controller()
class Mixed {
  @Public()
  @Get('route')
  route() {
    throw new SessionError('user_unknown');
  }

  @Public()
  @MessagePattern('mixed')
  mixed() {
    throw new SessionError('user_unknown');
  }
}

@Catch(SessionError)
class OwnFilter implements ExceptionFilter {
  catch(error: SessionError) {
    return throwError(() => ({ own: error.code }));
  }
}

@UseFilters(OwnFilter)
@Controller()
class WithFilter {
  @Public()
  @MessagePattern('with-filter')
  throws() {
    throw new SessionError('user_unknown');
  }
}

class Lines implements LoggerService {
  readonly errors: string[] = [];
  log() {}
  warn() {}
  error(...line: unknown[]) {
    this.errors.push(line.map(String).join(' '));
  }
}

const ways = ['microservice', 'hybrid', 'hybrid that inherits'] as const;
const guards = ['global', undefined] as const;

describe.each(ways.flatMap((way) => guards.map((guard) => [way, guard] as const)))(
  'messages to a %s with guard: %s',
  (way, guard) => {
    const logger = new Lines();
    let app: { close(): Promise<void> };
    let http: INestApplication | undefined;
    let client: ClientProxy;
    const isGuarded = guard === 'global' && way !== 'hybrid';
    const send = (pattern: string, payload: unknown = {}): Promise<unknown> =>
      firstValueFrom(client.send<unknown>(pattern, payload).pipe(timeout(2_000))).catch(
        (error: unknown) => error,
      );

    beforeAll(async () => {
      const options = { host: '127.0.0.1', port: await freePort() };
      @Module({
        imports: [SessionModule.forRoot(guard && { guard })],
        controllers: [Messages, Mixed, WithFilter],
      })
      class App {}
      const service: MicroserviceOptions = { transport: Transport.TCP, options };
      if (way === 'microservice') {
        const started = await NestFactory.createMicroservice<MicroserviceOptions>(App, {
          ...service,
          logger,
        });
        await started.listen();
        app = started;
      } else {
        http = await NestFactory.create(App, { logger });
        http.connectMicroservice(service, { inheritAppConfig: way === 'hybrid that inherits' });
        await http.startAllMicroservices();
        await http.listen(0, '127.0.0.1');
        app = http;
      }
      client = ClientProxyFactory.create({ transport: Transport.TCP, options });
      await client.connect();
      logger.errors.length = 0;
    });
    afterAll(async () => {
      await client.close();
      await app.close();
    });

    it('are refused in a form of theirs where the guard stands, unless they are public', async () => {
      const refused = {
        status: 'error',
        code: 'session_missing',
        message: 'Authentication is required',
        statusCode: 401,
      };
      expect(await send('plain')).toEqual(isGuarded ? refused : 'ran');
      for (const payload of [{}, 'text', 5, [1]]) expect(await send('public', payload)).toBe('ran');
    });

    it('are answered with what a handler of theirs threw of ours', async () => {
      expect(await send('throws-ours')).toEqual({
        status: 'error',
        code: 'user_blocked',
        message: 'The user is blocked',
        statusCode: 403,
        block: { reason: 'spam' },
      });
      expect(await send('rejects-ours')).toEqual({
        status: 'error',
        code: 'session_store_unavailable',
        message: 'Sessions cannot be checked right now',
        statusCode: 503,
        retryAfterSeconds: 1,
      });
      expect(await send('streams-ours')).toMatchObject({ code: 'user_unknown' });
      expect(await send('mixed')).toMatchObject({ code: 'user_unknown' });
      expect(await send('throws-its-own')).toEqual({ status: 'error', message: 'its own' });
    });

    it('are left to filters of the app on their class', async () => {
      expect(await send('with-filter')).toEqual({ own: 'user_unknown' });
    });

    it('fail alone when they are events', async () => {
      heard.length = 0;
      client.emit('happened', 'once').subscribe();
      client.emit('happened', 'twice').subscribe();
      while (heard.length < 2) expect(await send('public')).toBe('ran');
    });

    it('fill no log with stacks', async () => {
      for (let i = 0; i < 20; i++) await send('throws-ours');
      for (let i = 0; i < 20; i++) await send('rejects-ours');
      // An outage is worth a line in ten seconds, which tells its cause to the log alone.
      expect(logger.errors.filter((line) => !line.includes('session_store_unavailable: secret'))).toEqual([]);
      expect(logger.errors.length).toBeLessThanOrEqual(2);
    });

    it('leave the routes beside them as they were', async () => {
      if (!http) return;
      const reply = await request(await http.getUrl()).get('/route');
      expect(reply.status).toBe(404);
      expect(reply.headers['content-type']).toContain('application/problem+json');
    });
  },
);
