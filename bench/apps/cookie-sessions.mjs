import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { Injectable, UnauthorizedException } from '@nestjs/common';
import { RedisStore } from 'connect-redis';
import expressSession from 'express-session';
import { createClient } from 'redis';
import { decorate } from './nest.mjs';

class SessionUserGuard {
  canActivate(context) {
    const request = context.switchToHttp().getRequest();
    if (!request.session.userId) throw new UnauthorizedException();
    request.user = { id: request.session.userId };
    return true;
  }
}
decorate(SessionUserGuard, { decorators: [Injectable()] });

async function build({ redisUrl }, install) {
  const client = createClient({ url: redisUrl });
  client.on('error', (error) => console.error(error));
  await client.connect();
  const store = new RedisStore({ client });
  const secret = 'a secret of more than 32 characters';
  const options = { store, secret, saveUninitialized: false, cookie: { maxAge: 3_600_000, secure: false } };
  return {
    guards: [SessionUserGuard],
    configure: (app) => install(app, options),
    login(_app, id, { request }) {
      request.session.userId = id;
      return {};
    },
  };
}

const onExpress = (app, options) => app.use(expressSession({ ...options, resave: false }));
const onFastify = async (app, options) => {
  await app.register(fastifyCookie);
  await app.register(fastifySession, options);
};

export const builds = {
  'express-session': (context) => build(context, onExpress),
  'fastify-session': (context) => build(context, onFastify),
};
