// What both versions promise: so many requests a minute from a client IP.
import type { NestExpressApplication } from '@nestjs/platform-express';

export const WINDOW_MS = Number(process.env['WINDOW_MS'] ?? 60_000);
export const SEARCHES = 10;
export const MESSAGES = 3;

/** Both versions run behind a proxy on this machine. */
export const PROXY = '127.0.0.1/32';
export const trustProxy = (app: NestExpressApplication) => app.set('trust proxy', PROXY);
