import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { SessionModuleOptions } from '@latchkey/session';
import { createApp } from '../../../src/app.factory.js';
import type { PasswordCost } from '../../../src/config/app-config.js';
import { type Environment, readConfig } from '../../../src/config/read-config.js';
import { CHEAP } from '../../support/cheap-passwords.js';
import { PATIENT_MS } from '../../support/patience.js';
import { RedisServer } from '../../support/redis-server.js';
import { Client, type LoginOptions } from './client.js';

interface SampleOptions {
  readonly env?: Environment;
  /** Options of the library that the environment does not set. */
  readonly session?: SessionModuleOptions;
  /** Default the lowest that argon2id has: tens of milliseconds a login are many in all. */
  readonly passwordCost?: PasswordCost;
}

/** Quotas and a timeout that are in nobody's way: of tests that are about something else. */
const PLENTY = {
  LOGIN_QUOTA: '100000',
  POST_QUOTA: '100000',
  SESSION_QUOTA: '100000',
  REDIS_TIMEOUT_MS: String(PATIENT_MS),
};
/** For tests of what becomes of requests while Redis is away: the timeout is the default. */
export const IMPATIENT = { REDIS_TIMEOUT_MS: '' };

/** The sample app in this process, listening on a port of its own. */
export class Sample {
  /** Gives newcomers their roles, unless a test names somebody else. */
  private root: Promise<Client> | undefined;

  private constructor(
    readonly app: NestExpressApplication,
    readonly url: string,
  ) {}

  static async start({ env = {}, session = {}, passwordCost = CHEAP }: SampleOptions = {}): Promise<Sample> {
    const app = await createApp({ ...readConfig({ ...PLENTY, ...env }), passwordCost }, session);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new Sample(app, `http://127.0.0.1:${port}`);
  }

  /** Somebody without a session. */
  anybody(): Client {
    return new Client(this.url);
  }

  /** One of the demo accounts, logged in anew. */
  as(username: string, options: LoginOptions = {}): Promise<Client> {
    return this.anybody().login(username, `correct-horse-${username}`, options);
  }

  /** A new account, logged in; with these roles, if an admin is to set any. */
  async newcomer(roles?: readonly string[], admin?: Client): Promise<Client> {
    const username = newName();
    const client = this.anybody();
    await client.post('/auth/register', { username, password: PASSWORD }).expect(201);
    await client.login(username, PASSWORD);
    if (roles) {
      const giver = admin ?? (await (this.root ??= this.as('root')));
      await giver.put(`/admin/users/${client.userId}/roles`, { roles }).expect(200);
    }
    return client;
  }

  stop(): Promise<void> {
    return this.app.close();
  }
}

/** What every newcomer uses. */
export const PASSWORD = 'a long enough password';

let names = 0;
export function newName(): string {
  names += 1;
  return `person-${process.pid}-${names}`;
}

type StorageKind = 'memory' | 'redis';
export const STORAGES: readonly StorageKind[] = ['memory', 'redis'];

const JWT = { ACCESS_TOKEN: 'jwt', JWT_ALG: 'ES256' };

/** Runs a suite over the sample in memory and over the sample on a real Redis; there also with JWTs, if it is about tokens. */
export function describeSample(
  title: string,
  suite: (sample: () => Sample, storage: StorageKind) => void,
  { alsoWithJwts = false, ...options }: SampleOptions & { readonly alsoWithJwts?: boolean } = {},
): void {
  const all = STORAGES.map((storage) => ({ storage, name: storage as string, env: {} }));
  const jwts = alsoWithJwts ? [{ storage: 'redis', name: 'redis, JWTs', env: JWT } as const] : [];
  describe.each([...all, ...jwts])(`${title} ($name)`, ({ storage, env }) => {
    let redis: RedisServer | undefined;
    let sample: Sample;

    beforeAll(async () => {
      redis = storage === 'redis' ? await RedisServer.start() : undefined;
      sample = await Sample.start({ ...options, env: { REDIS_URL: redis?.url, ...env, ...options.env } });
    });

    afterAll(async () => {
      await sample.stop();
      await redis?.stop();
    });

    suite(() => sample, storage);
  });
}
