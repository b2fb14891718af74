import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PolicyManifest } from '@latchkey/session';
import request from 'supertest';
import { GracefulShutdown } from '../../src/http/graceful-shutdown.js';
import { expectProblem } from '../sample/support/client.js';
import { describeSample } from '../sample/support/sample.js';

describeSample('every request', (sample, storage) => {
  const JSON_TYPE = 'application/json';

  it.each(['{', '{"text":', '"text"', '[', 'nul', '{"text":"x"}}', '{"text":"\ud800'])(
    'refuses malformed JSON: %s',
    async (body) => {
      const alice = await sample().as('alice');
      const reply = await alice.post('/posts').set('Content-Type', JSON_TYPE).send(body);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.detail).toBe('The body is not valid JSON');
    },
  );

  it.each([
    ['[]'],
    ['[{"text":"x"}]'],
    ['{}'],
    [''],
    ['{"__proto__":{"text":"x"}}'],
    ['{"text":{"length":5}}'],
  ])('refuses a body of another shape: %s', async (body) => {
    const alice = await sample().as('alice');
    const reply = await alice.post('/posts').set('Content-Type', JSON_TYPE).send(body);
    expectProblem(reply, 400, 'bad_request');
    expect(reply.body.errors.length).toBeGreaterThan(0);
  });

  it.each([33, 5_000, 31_000])('refuses a body with %i levels', async (levels) => {
    const alice = await sample().as('alice');
    for (const [open, close] of [
      ['[', ']'],
      ['{"text":', '}'],
    ] as const) {
      const depth = Math.min(levels, 60_000 / (open.length + close.length));
      const body = `${open.repeat(depth)}"x"${close.repeat(depth)}`;
      const reply = await alice.post('/posts').set('Content-Type', JSON_TYPE).send(body);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.detail).toBe('The body is nested too deeply');
      const login = await sample().anybody().post('/auth/login').set('Content-Type', JSON_TYPE).send(body);
      expectProblem(login, 400, 'bad_request');
    }
  });

  it.each([
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'prototype',
    'then',
    'toJSON',
    'toString',
    'valueOf',
    '__defineGetter__',
  ])('refuses the unknown field %s', async (field) => {
    const alice = await sample().as('alice');
    for (const value of ['1', '"x"', '{"text":"x"}']) {
      const body = `{"text":"x","${field}":${value}}`;
      const reply = await alice.post('/posts').set('Content-Type', JSON_TYPE).send(body);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.errors).toEqual([{ field, message: 'is not known' }]);
      const inside = await alice.post('/posts').set('Content-Type', JSON_TYPE).send(`{"text":${body}}`);
      expectProblem(inside, 400, 'bad_request');
      await alice.get(`/posts?${field}=1`).expect(200);
    }
  });

  it.each([
    ['application/x-www-form-urlencoded', 'text=x'],
    ['text/plain', '{"text":"x"}'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/json; charset=klingon', '{"text":"x"}'],
  ])('takes JSON only, not %s', async (type, body) => {
    const alice = await sample().as('alice');
    const reply = await alice.post('/posts').set('Content-Type', type).send(body);
    expectProblem(reply, 415, 'unsupported_media_type');
    const login = await sample().anybody().post('/auth/login').set('Content-Type', type).send(body);
    expectProblem(login, 415, 'unsupported_media_type');
  });

  it('forgets requests whose client left before their turn', async () => {
    const shutdown = sample().app.get(GracefulShutdown);
    const { hostname, port } = new URL(sample().url);
    const body = '{"username":"alice","password":"wrong password"}';
    const head = `POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: ${body.length}`;
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(`${head}\r\n\r\n${body}`.repeat(5));
    while (shutdown.responses().length < 5) await sleep(1);
    socket.resetAndDestroy();
    for (let i = 0; i < 100 && shutdown.responses().length > 0; i++) await sleep(50);
    expect(shutdown.responses()).toEqual([]);
  });

  it('takes bodies up to 64 KiB', async () => {
    const alice = await sample().as('alice');
    expectProblem(await alice.post('/posts', { text: 'x'.repeat(64 * 1_024) }), 413, 'too_large');
    expectProblem(await alice.post('/posts', { text: 'x'.repeat(63 * 1_024) }), 400, 'bad_request');
  });

  it('tells whoever may not enter so first, whatever was sent along', async () => {
    const post = (path: string) => request(sample().url).post(path).set('Content-Type', JSON_TYPE);
    expectProblem(await post('/posts').send('{'), 401, 'session_missing');
    expectProblem(await post('/posts').send(`"${'x'.repeat(70_000)}"`), 401, 'session_missing');
    const alice = await sample().as('alice');
    const path = `/moderation/users/${alice.userId}/block`;
    expectProblem(await alice.post(path).set('Content-Type', JSON_TYPE).send('{'), 403, 'forbidden');
    expectProblem(await alice.post(path, { reason: '' }), 403, 'forbidden');
    const [mia, root] = [await sample().as('mia'), await sample().as('root')];
    const above = `/moderation/users/${root.userId}/block`;
    expectProblem(await mia.post(above, { reason: '' }), 403, 'forbidden');
    expectProblem(await mia.post(above).set('Content-Type', JSON_TYPE).send('{'), 403, 'forbidden');
  });

  it.each(['/nope', '/auth', '/auth/nope', '/sessions/a/b', '/docs/../nope', '/%2e%2e', '/admin'])(
    'answers 404 for GET %s',
    async (path) => {
      expectProblem(await request(sample().url).get(path), 404, 'not_found');
    },
  );

  it('answers an undecodable path with an error of the client', async () => {
    const alice = await sample().as('alice');
    const reply = await alice.post('/posts/%E0%A4%A/like');
    expect([400, 404]).toContain(reply.status);
    expect(reply.headers['content-type']).toBe('application/problem+json');
  });

  it('answers another method with 404', async () => {
    expectProblem(await request(sample().url).patch('/auth/login'), 404, 'not_found');
  });

  it('sends the headers that browsers are protected by', async () => {
    const { headers } = await request(sample().url).get('/');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'content-security-policy': expect.stringContaining("default-src 'self'"),
    });
    expect(headers['content-security-policy']).not.toMatch(/upgrade-insecure-requests|unsafe-/);
    expect(headers['x-powered-by']).toBeUndefined();
  });

  it('sandboxes documents about a user, which browsers do not keep for Back then', async () => {
    const alice = await sample().as('alice');
    for (const path of ['/auth/me', '/sessions', '/sessions/current/data', '/posts']) {
      const { headers } = await alice.get(path).expect(200);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none';.*; sandbox$/);
      expect(headers['cache-control']).toBe('no-store');
    }
    const { headers } = await request(sample().url).get('/health');
    expect(headers['content-security-policy']).not.toContain('sandbox');
  });

  it('GET / is a page', async () => {
    const reply = await request(sample().url).get('/').expect(200);
    expect(reply.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(reply.text).toMatch(/^<!doctype html>/);
  });

  it('GET /health says how the storage is', async () => {
    const reply = await request(sample().url).get('/health').expect(200);
    expect(reply.body).toEqual({
      status: 'ok',
      storage,
      redis: { status: storage === 'redis' ? 'up' : 'not used' },
    });
  });

  it('GET /docs and /docs-json describe every route', async () => {
    await request(sample().url).get('/docs').expect(200).expect('Content-Type', /html/);
    const { body } = await request(sample().url).get('/docs-json').expect(200);
    const routes = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = sample()
      .app.get(PolicyManifest)
      .list()
      .filter(({ kind, handler }) => kind === 'http' && !handler.startsWith('ConsoleController.'))
      .filter(({ handler }) => handler !== 'AuthController.refresh') // off
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(routes.sort()).toEqual(served.sort());
    expect(body.components.schemas.LoginDto).toMatchObject({
      required: ['username', 'password'],
      properties: { transport: { enum: ['cookie', 'bearer'] } },
    });
    expect(body.components.schemas.UserDto.properties).toMatchObject({
      roles: { type: 'array', items: { type: 'string' } },
      status: { enum: ['active', 'blocked'] },
    });
  });
});
