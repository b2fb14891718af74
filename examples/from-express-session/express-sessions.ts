// express-session with connect-redis, as the old version has it, and the new one for a week.
import { promisify } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { RedisStore } from 'connect-redis';
import type { Request } from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { redisUrl } from '../accounts.js';
import { DAY_MS, SECRET } from './session-types.js';

export async function useExpressSessions(app: INestApplication): Promise<void> {
  const client = createClient({ url: redisUrl() });
  await client.connect();
  const cookie = { httpOnly: true, sameSite: 'lax', maxAge: DAY_MS } as const;
  const store = new RedisStore({ client });
  app.use(session({ store, secret: SECRET, resave: false, saveUninitialized: false, cookie }));
  app.getHttpServer().on('close', () => client.destroy());
}

/** Logs in: a new session ID, so that nobody has planted it. */
export async function begin(request: Request, userId: string): Promise<void> {
  await promisify<void>((done) => request.session.regenerate(done))();
  request.session.userId = userId;
}

export function end(request: Request): Promise<void> {
  return promisify<void>((done) => request.session.destroy(done))();
}
