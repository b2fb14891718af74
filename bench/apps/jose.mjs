import { webcrypto } from 'node:crypto';
import { jwtVerify } from 'jose';
import { bearerTokens, jwtGuard, SECRET } from './jwt.mjs';

const { subtle } = webcrypto;
const BYTES = new TextEncoder().encode(SECRET);

const build = (key) => ({
  guards: [jwtGuard(async (token) => (await jwtVerify(token, key, { algorithms: ['HS256'] })).payload)],
  credentials: (_app, { count }) => bearerTokens(count),
});

export const builds = {
  'jose-bytes': () => build(BYTES),
  jose: async () =>
    build(await subtle.importKey('raw', BYTES, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])),
};
