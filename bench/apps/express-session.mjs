import { Injectable, UnauthorizedException } from '@nestjs/common';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';
import { decorate } from './nest.mjs';
import { cookiesOf } from './cookies.mjs';
import { userIds } from './users.mjs';

class SessionUserGuard {
  canActivate(context) {
    const request = context.switchToHttp().getRequest();
    if (!request.session.userId) throw new UnauthorizedException();
    request.user = { id: request.session.userId };
    return true;
  }
}
decorate(SessionUserGuard, { decorators: [Injectable()] });

async function build({ redisUrl }, { rolling, disableTouch }) {
  const client = createClient({ url: redisUrl });
  client.on('error', (error) => console.error(error));
  await client.connect();
  const store = new RedisStore({ client, disableTouch });
  const cookie = { maxAge: 3_600_000 };
  return {
    guards: [SessionUserGuard],
    configure(app) {
      app.use(
        session({ store, secret: 'keyboard cat', resave: false, saveUninitialized: false, rolling, cookie }),
      );
      app.use('/login', (request, response) => {
        request.session.userId = request.query.user;
        response.end();
      });
    },
    async credentials(_app, { count, url }) {
      const login = async (id) => cookiesOf(await fetch(`${url}/login?user=${id}`));
      return Promise.all(userIds(count).map(login));
    },
  };
}

export const builds = {
  'express-session': (context) => build(context, { rolling: false, disableTouch: false }),
  'express-session-rolling': (context) => build(context, { rolling: true, disableTouch: false }),
  'express-session-fixed': (context) => build(context, { rolling: false, disableTouch: true }),
};
