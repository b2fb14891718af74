// What both versions keep in a session of express-session, and how its cookie is signed.
declare module 'express-session' {
  interface SessionData {
    userId: string;
    cart: string[];
  }
}

/** In an app of yours, from its settings. */
export const SECRET = process.env['SESSION_SECRET'] ?? 'a session secret of the example';
export const COOKIE = 'connect.sid';
export const DAY_MS = 86_400_000;
