import { setTimeout as sleep } from 'node:timers/promises';
import type { INestMicroservice } from '@nestjs/common';
import { Transport } from '@nestjs/microservices';
import { BUSY_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { INSTALL_TIMEOUT_MS, type Broker } from './support/brokers.js';
import {
  type Lines,
  type Office,
  ran,
  serviceBearer,
  startAcking,
  startOffice,
  startService,
  TICK_MS,
} from './support/rpc-app.js';
import { type Caller, type Outcome, TRANSPORTS } from './support/rpc-transports.js';

/** More than the default, for a machine that is busy; less than what a client waits for. */
const COMMAND_TIMEOUT_MS = 1_000;
const BOUND_MS = COMMAND_TIMEOUT_MS + BUSY_MS;

describe.each(TRANSPORTS)('a microservice on $name', (transport) => {
  let redis: RedisServer;
  let broker: Broker | undefined;
  let app: INestMicroservice;
  let lines: Lines;
  let office: Office;
  let caller: Caller;

  beforeAll(async () => {
    [redis, broker] = await Promise.all([RedisServer.start(), transport.broker?.()]);
    const options = await transport.options(broker?.url ?? '');
    const session = { redis: redis.url, strict: true, commandTimeoutMs: COMMAND_TIMEOUT_MS };
    office = await startOffice(session);
    ({ app, lines } = await startService(transport, options, session));
    caller = await transport.connect(options);
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => {
    await caller?.close();
    await app?.close();
    await office?.close();
    await Promise.all([redis?.stop(), broker?.stop()]);
  });

  it('answers what is public, whatever the message has', async () => {
    for (const authorization of [undefined, '', 'Bearer nonsense', 'Basic x'])
      expect(await caller.send('open', authorization)).toEqual({ ran: 'open' });
  });

  it('takes a service token where the transport has it', async () => {
    expect(await caller.send('for-services', await serviceBearer())).toEqual({
      issuer: 'https://gateway.internal',
    });
    const refusals: [string | undefined, string][] = [
      [undefined, 'service_token_missing'],
      ['Bearer nonsense', 'service_token_invalid'],
      [await serviceBearer('https://billing.internal'), 'service_token_invalid'],
      [await serviceBearer(undefined, ['orders:write']), 'forbidden'],
      [(await office.signedIn()).bearer, 'service_token_invalid'],
    ];
    for (const [authorization, code] of refusals)
      expect(await caller.send('for-services', authorization)).toMatchObject({ status: 'error', code });
  });

  it('takes a session that a gateway hands on', async () => {
    const { userId, bearer } = await office.signedIn('moderator');
    expect(await caller.send('me', bearer)).toEqual({
      user: userId,
      roles: ['moderator'],
      isTheirs: true,
      theme: 'dark',
    });
    expect(await caller.send('moderate', bearer)).toEqual({ ran: 'moderate' });
  });

  it('refuses everybody else, with our code', async () => {
    const { bearer } = await office.signedIn();
    const forged = `${bearer.slice(0, -4)}AAAA`;
    expect(await caller.send('me')).toMatchObject({
      status: 'error',
      code: 'session_missing',
      statusCode: 401,
    });
    for (const authorization of ['Bearer nonsense', forged, await serviceBearer()])
      expect([authorization, await caller.send('me', authorization)]).toMatchObject([
        authorization,
        { code: 'session_invalid' },
      ]);
    expect(await caller.send('me', 'Basic dXNlcjpwYXNz')).toMatchObject({ code: 'session_missing' });
    expect(await caller.send('me', 'Bearer ')).toMatchObject({ statusCode: 401 });
    expect(await caller.send('moderate', bearer)).toMatchObject({ code: 'forbidden', statusCode: 403 });
  });

  it('counts by user', async () => {
    const { bearer } = await office.signedIn();
    for (let i = 0; i < 2; i++) expect(await caller.send('limited', bearer)).toEqual({ ran: 'limited' });
    const refused = await caller.send('limited', bearer);
    expect(refused).toMatchObject({ code: 'rate_limited', statusCode: 429 });
    expect(refused['retryAfterSeconds']).toBeGreaterThan(0);
  });

  it('follows a block and a demotion at once, wherever they were done', async () => {
    const [blocked, demoted, loggedOut] = [
      await office.signedIn(),
      await office.signedIn('moderator'),
      await office.signedIn(),
    ];
    expect(await caller.send('me', blocked.bearer)).toMatchObject({ user: blocked.userId });
    expect(await caller.send('moderate', demoted.bearer)).toEqual({ ran: 'moderate' });
    await office.users.block(blocked.userId, { reason: 'spam' });
    await office.users.setRoles(demoted.userId, ['user']);
    await office.sessions.revoke(loggedOut.userId, loggedOut.session.id);
    expect(await caller.send('me', blocked.bearer)).toMatchObject({
      code: 'user_blocked',
      block: { reason: 'spam' },
    });
    expect(await caller.send('moderate', demoted.bearer)).toMatchObject({ code: 'forbidden' });
    expect(await caller.send('me', loggedOut.bearer)).toMatchObject({ code: 'session_revoked' });
  });

  it('ends a reply of many values with its session', async () => {
    const { userId, bearer } = await office.signedIn();
    const values: Outcome[] = [];
    const ended = new Promise<Outcome>((resolve) => {
      caller.stream('ticks', bearer).subscribe({
        next: (value) => values.push(value),
        error: resolve,
        complete: () => resolve({ code: 'completed' }),
      });
    });
    while (values.length < 5) await sleep(TICK_MS);
    const receipt = await office.users.block(userId, { reason: 'spam' });
    expect(receipt).toMatchObject({ connectionsClosed: 1 });
    expect(await ended).toMatchObject({ code: 'user_blocked' });
    expect(values.slice(0, 5)).toEqual([0, 1, 2, 3, 4].map((tick) => ({ tick })));
  });

  it('checks a reply once more that begins late', async () => {
    const [one, other] = [await office.signedIn(), await office.signedIn()];
    const replies = Promise.all([caller.send('slow', one.bearer), caller.send('slow', other.bearer)]);
    await sleep(200);
    await office.users.block(other.userId, { reason: 'spam' });
    expect(await replies).toMatchObject([{ ran: 'slow' }, { code: 'user_blocked' }]);
  });

  if (transport.hasEvents) {
    it('hands on the events that may come, and logs that others were dropped', async () => {
      const [user, blocked] = [await office.signedIn(), await office.signedIn()];
      await office.users.block(blocked.userId, { reason: 'spam' });
      ran.length = 0;
      for (const authorization of [undefined, 'Bearer nonsense', blocked.bearer, user.bearer])
        caller.emit('event-of-user', authorization);
      for (const authorization of [undefined, user.bearer, await serviceBearer()])
        caller.emit('event-of-service', authorization);
      while (ran.length < 2) await sleep(10);
      await sleep(100);
      expect(ran.toSorted()).toEqual([`event ${user.userId}`, 'event https://gateway.internal'].toSorted());
      expect(lines.warnings.filter((line) => line.includes('An event for'))).toHaveLength(2);
    });
  }

  if (transport.name === 'RabbitMQ') {
    it('goes on after a refused event where the app acknowledges by itself', async () => {
      const queue = { urls: [broker?.url ?? ''], queue: 'acked', queueOptions: { durable: false } };
      const acked = {
        transport: Transport.RMQ,
        options: { ...queue, noAck: false, prefetchCount: 1 },
      } as const;
      const service = await startAcking(acked, { redis: redis.url, commandTimeoutMs: COMMAND_TIMEOUT_MS });
      const client = await transport.connect({ transport: Transport.RMQ, options: queue });
      const { userId, bearer } = await office.signedIn();
      ran.length = 0;
      try {
        for (const authorization of [undefined, 'Bearer nonsense', bearer])
          client.emit('event-acked', authorization);
        while (ran.length === 0) await sleep(10);
        expect(ran).toEqual([`acked ${userId}`]);
      } finally {
        await client.close();
        await service.close();
      }
    });
  }

  it('refuses in time while sessions cannot be checked, and lets nobody in', async () => {
    const { bearer } = await office.signedIn('moderator');
    ran.length = 0;
    redis.freeze();
    try {
      const from = performance.now();
      expect(await caller.send('moderate', bearer)).toMatchObject({
        code: 'session_store_unavailable',
        statusCode: 503,
        retryAfterSeconds: 1,
      });
      expect(performance.now() - from).toBeLessThan(BOUND_MS);
      expect(await caller.send('open')).toEqual({ ran: 'open' });
      if (transport.hasEvents) caller.emit('event-of-user', bearer);
      await sleep(600);
      expect(ran).toEqual([]);
    } finally {
      redis.thaw();
    }
  });
});
