import type { INestApplication } from '@nestjs/common';
import { createApp } from '../../src/app.factory.js';
import type { PasswordCost } from '../../src/config/app-config.js';
import { readConfig } from '../../src/config/read-config.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { PATIENT_MS } from './patience.js';

/** argon2id at its lowest cost, for tests that log in many times and are about something else. */
export const CHEAP: PasswordCost = { memoryKib: 8, passes: 2 };
export const OLD = 'the-old-password';
export const NEW = 'the-new-password';

/** The sample, in which every new password is `NEW`; `oldHash` is that of `OLD`. Without a URL it keeps all in memory. */
export async function sampleWithCheapPasswords(
  redisUrl: string,
): Promise<{ app: INestApplication; oldHash: string }> {
  const env = { PORT: '0', REDIS_URL: redisUrl, REDIS_TIMEOUT_MS: String(PATIENT_MS) };
  const app = await createApp({ ...readConfig(env), passwordCost: CHEAP });
  await app.init();
  const passwords = app.get(PasswordHasher);
  const [oldHash, newHash] = [await passwords.hash(OLD), await passwords.hash(NEW)];
  passwords.hash = () => Promise.resolve(newHash);
  return { app, oldHash };
}
