import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { type Client, credentials, loadPackageDefinition, Metadata, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { UserStateService } from '@latchkey/session';
import { expectDenied, loginAs } from '@latchkey/session/testing';
import request from 'supertest';
import { start } from '../../examples/microservice/app.js';
import { freePort } from '../support/free-port.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from './support/until.js';

const PROTO = join(import.meta.dirname, '../../examples/microservice/orders.proto');

interface Stream {
  on(event: 'data', listener: (order: { customer: string }) => void): this;
  on(event: 'error', listener: (error: ServiceError) => void): this;
}
interface Orders extends Client {
  list(message: object, metadata: Metadata, done: (error: ServiceError | null, reply: object) => void): void;
  watch(message: object, metadata: Metadata): Stream;
}

describe('examples/microservice, by supertest and @grpc/grpc-js', () => {
  let redis: RedisServer;
  let app: INestApplication;
  let service: Orders;

  beforeAll(async () => {
    redis = await RedisServer.start();
    process.env['REDIS_URL'] = redis.url;
    const url = (process.env['ORDERS_URL'] = `127.0.0.1:${await freePort()}`);
    app = await start(0);
    const { shop } = loadPackageDefinition(loadSync(PROTO)) as unknown as {
      shop: { Orders: new (url: string, channel: unknown) => Orders };
    };
    service = new shop.Orders(url, credentials.createInsecure());
  });
  afterAll(async () => {
    service?.close();
    await app?.close();
    await redis?.stop();
    delete process.env['REDIS_URL'];
    delete process.env['ORDERS_URL'];
  });

  const gateway = () => request(app.getHttpServer());
  function metadataOf(authorization?: string): Metadata {
    const metadata = new Metadata();
    if (authorization !== undefined) metadata.set('authorization', authorization);
    return metadata;
  }
  const list = (authorization?: string) =>
    new Promise<unknown>((resolve) =>
      service.list({}, metadataOf(authorization), (error, reply) =>
        resolve(error ? [error.code, ...error.metadata.get('error-code')] : reply),
      ),
    );

  it('hands the session on: the service knows who asks', async () => {
    const ada = await loginAs(app, { userId: 'ada' });
    const own = { orders: [{ id: 'A-1', customer: 'ada' }] };
    await gateway().get('/orders').set(ada.headers).expect(200, own);
    await gateway().get('/orders').set({ cookie: ada.cookie }).expect(200, own);
    await expectDenied(gateway().get('/orders'), 'session_missing');
  });

  it('gives a refusal of the service to the client of the gateway', async () => {
    const ada = await loginAs(app, { userId: 'ada', roles: [] });
    const eve = await loginAs(app, { userId: 'eve', roles: ['editor'] });
    await expectDenied(gateway().post('/orders/A-1/cancel').set(ada.headers), 'forbidden');
    await gateway().post('/orders/A-1/cancel').set(eve.headers).expect(201);
  });

  it('is shut to those who go round the gateway without a session', async () => {
    const { authorization } = await loginAs(app, { userId: 'ada' });
    expect(await list()).toEqual([16, 'session_missing']);
    expect(await list('Bearer made-up')).toEqual([16, 'session_invalid']);
    expect(await list(authorization)).toEqual({ orders: [{ id: 'A-1', customer: 'ada' }] });
  });

  it('ends an open stream with a block, at once', async () => {
    const bob = await loginAs(app, { userId: 'bob' });
    let received = 0;
    const ends: unknown[] = [];
    service
      .watch({}, metadataOf(bob.authorization))
      .on('data', () => (received += 1))
      .on('error', ({ code, metadata }) => ends.push([code, ...metadata.get('error-code')]));
    await until(() => received > 2);
    await app.get(UserStateService).block('bob', { reason: 'fraud' });
    await until(() => ends.length > 0);
    expect(ends).toEqual([[7, 'user_blocked']]);
    expect(await list(bob.authorization)).toEqual([7, 'user_blocked']);
    await expectDenied(gateway().get('/orders').set(bob.headers), 'user_blocked');
  });
});
