/** Spans of checks and acts, in the trace of the request that they are of. */
import { Controller, Get, Param, Post } from '@nestjs/common';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { SessionService, UserStateService } from '@latchkey/session';
import { SessionTracingModule } from '@latchkey/session/opentelemetry';
import type { NextFunction, Request, Response } from 'express';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { startApp, stopApps, type RunningApp } from '../support/library-app.js';

const exporter = new InMemorySpanExporter();

@Controller()
class Shop {
  constructor(private readonly users: UserStateService) {}

  @Get('mine')
  mine() {
    return {};
  }

  @Post('block/:id')
  async block(@Param('id') id: string) {
    const { nodes } = await this.users.block(id, { reason: 'spam' });
    return nodes;
  }
}

/** As an instrumentation of HTTP does. */
function traced(request: Request, response: Response, next: NextFunction): void {
  trace.getTracer('test').startActiveSpan(`${request.method} ${request.path}`, (span) => {
    response.on('finish', () => span.end());
    next();
  });
}

const start = (userRef?: boolean): Promise<RunningApp> =>
  startApp({
    controllers: [Shop],
    session: { guard: 'global' },
    module: { imports: [SessionTracingModule.forRoot(userRef === undefined ? {} : { userRef })] },
    prepare: (app) => app.use(traced),
  });

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
});
beforeEach(() => exporter.reset());
afterEach(stopApps);
afterAll(() => {
  trace.disable();
  context.disable();
});

function spans() {
  const all = exporter.getFinishedSpans();
  return all.map((span) => ({
    name: span.name,
    parent: all.find((one) => one.spanContext().spanId === span.parentSpanContext?.spanId)?.name,
    attributes: span.attributes,
    status: span.status.code,
    ms: (span.duration[0] * 1e9 + span.duration[1]) / 1e6,
  }));
}

describe('a check and an act', () => {
  it('are spans of their request, without anything about the user', async () => {
    const { app, http } = await start();
    const sessions = app.get(SessionService);
    const { token, session } = await sessions.create('ada');
    await sessions.create('bob');
    await http.get('/mine').auth(token, { type: 'bearer' }).expect(200);
    await http.get('/mine').expect(401);
    await http.post('/block/bob').auth(token, { type: 'bearer' }).expect(201);
    await http.post('/block/nobody').auth(token, { type: 'bearer' }).expect(404);
    const found = spans();
    expect(found.map(({ name, parent, attributes, status }) => [name, parent, attributes, status])).toEqual(
      [
        ['latchkey.check', 'GET /mine', { 'latchkey.decision': 'permit' }],
        ['GET /mine', undefined, {}],
        [
          'latchkey.check',
          'GET /mine',
          { 'latchkey.decision': 'deny', 'latchkey.reason': 'session_missing' },
        ],
        ['GET /mine', undefined, {}],
        ['latchkey.check', 'POST /block/bob', { 'latchkey.decision': 'permit' }],
        [
          'latchkey.act block',
          'POST /block/bob',
          {
            'latchkey.act': 'block',
            'latchkey.outcome': 'ok',
            'latchkey.nodes.confirmed': 0,
            'latchkey.nodes.expired': 0,
            'latchkey.connections_closed': 0,
          },
        ],
        ['POST /block/bob', undefined, {}],
        ['latchkey.check', 'POST /block/nobody', { 'latchkey.decision': 'permit' }],
        [
          'latchkey.act block',
          'POST /block/nobody',
          { 'latchkey.act': 'block', 'latchkey.outcome': 'user_unknown' },
          SpanStatusCode.ERROR,
        ],
        ['POST /block/nobody', undefined, {}],
      ].map(([name, parent, attributes, status = SpanStatusCode.UNSET]) => [
        name,
        parent,
        {
          ...(attributes as object),
          ...(name === 'latchkey.check' ? { 'latchkey.context': 'http' } : {}),
          ...(parent === undefined ? {} : { 'latchkey.realm': 'lk' }),
        },
        status,
      ]),
    );
    expect(found.every(({ ms }) => ms >= 0 && ms < 5_000)).toBe(true);
    const text = JSON.stringify(found.map(({ attributes }) => attributes));
    for (const secret of [token, session.id, 'ada', userRefOf('ada')]) expect(text).not.toContain(secret);
  });

  it('name the pseudonym of the user where that is asked for', async () => {
    const { app, http } = await start(true);
    const { token } = await app.get(SessionService).create('ada');
    await app.get(SessionService).create('bob');
    await http.post('/block/bob').auth(token, { type: 'bearer' }).expect(201);
    expect(spans().map(({ name, attributes }) => [name, attributes['enduser.pseudo.id']])).toEqual([
      ['latchkey.check', userRefOf('ada')],
      ['latchkey.act block', userRefOf('bob')],
      ['POST /block/bob', undefined],
    ]);
  });

  it('are no spans of another app, nor of one that is closed', async () => {
    const [one, other] = [
      await start(),
      await startApp({ controllers: [Shop], session: { guard: 'global' } }),
    ];
    await other.http.get('/mine').expect(401);
    expect(exporter.getFinishedSpans()).toEqual([]);
    await one.app.close();
    await one.app.get(SessionService).decide(undefined);
    expect(exporter.getFinishedSpans()).toEqual([]);
    await expect(start('yes' as never)).rejects.toThrow('SessionTracingModule.userRef');
  });
});
