// express-session with connect-redis, as the old version has it, and the new one for a week.
import type { INestApplication } from '@nestjs/common';
import { RedisStore } from 'connect-redis';
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
export function begin(
  request: Express.Request & { session: session.Session },
  userId: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    request.session.regenerate((error: unknown) => {
      if (error) return reject(error instanceof Error ? error : new Error(String(error)));
      (request.session as session.Session & Partial<session.SessionData>).userId = userId;
      resolve();
    });
  });
}

export function end(request: { session: session.Session }): Promise<void> {
  return new Promise((resolve, reject) => {
    request.session.destroy((error: unknown) => {
      if (error) reject(error instanceof Error ? error : new Error(String(error)));
      else resolve();
    });
  });
}
