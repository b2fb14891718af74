import type { INestApplication } from '@nestjs/common';
import argon2 from 'argon2';
import { createApp } from '../../src/app.factory.js';
import { readConfig } from '../../src/config/read-config.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { PATIENT_MS } from './patience.js';

/** Real argon2id hashes at its lowest cost, for thousands of logins. */
const CHEAP = { type: argon2.argon2id, memoryCost: 8, timeCost: 2, parallelism: 1 } as const;
export const OLD = 'the-old-password';
export const NEW = 'the-new-password';

/** The sample, in which every new password is `NEW`; `oldHash` is that of `OLD`. Without a URL it keeps all in memory. */
export async function sampleWithCheapPasswords(
  redisUrl: string,
): Promise<{ app: INestApplication; oldHash: string }> {
  const env = { PORT: '0', REDIS_URL: redisUrl, REDIS_TIMEOUT_MS: String(PATIENT_MS) };
  const app = await createApp(readConfig(env));
  await app.init();
  const oldHash = await argon2.hash(OLD, CHEAP);
  const newHash = await argon2.hash(NEW, CHEAP);
  app.get(PasswordHasher).hash = () => Promise.resolve(newHash);
  return { app, oldHash };
}
