import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { SessionError } from '@latchkey/session';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import type { RedisClient } from '../redis/open-redis.js';
import { REDIS_CLIENT } from '../redis/redis.module.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { UsersService } from './users.service.js';

/** Who is there from the start outside production. Each one's password is `correct-horse-NAME`. */
const DEMO_ACCOUNTS = [
  { username: 'alice', roles: ['user'] },
  { username: 'bob', roles: ['user'] },
  { username: 'mia', roles: ['moderator'] },
  { username: 'root', roles: ['admin'] },
] as const;

const RETRY_MS = 250;

/**
 * Makes the demo accounts at boot, but never in production. While Redis is away it keeps trying, without holding up
 * the boot; and whenever Redis comes back, it may be without its data.
 */
@Injectable()
export class DemoAccounts implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(DemoAccounts.name);
  private stopped = false;
  private retry: NodeJS.Timeout | undefined;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(REDIS_CLIENT) private readonly redis: RedisClient | undefined,
    private readonly users: UsersService,
    private readonly passwords: PasswordHasher,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.config.production) return;
    await this.attempt();
    this.redis?.on('ready', this.onReady);
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    this.redis?.off('ready', this.onReady);
  }

  private readonly onReady = (): void => void this.attempt();

  private async attempt(): Promise<void> {
    clearTimeout(this.retry);
    try {
      await Promise.all(DEMO_ACCOUNTS.map((demo) => this.make(demo)));
    } catch (error) {
      if (this.stopped) return;
      const isAway = error instanceof SessionError && error.code === 'session_store_unavailable';
      if (!isAway) this.logger.error(error);
      this.retry = setTimeout(() => void this.attempt(), isAway ? RETRY_MS : 10 * RETRY_MS).unref();
    }
  }

  private async make({ username, roles }: (typeof DEMO_ACCOUNTS)[number]): Promise<void> {
    if (await this.users.findByUsername(username)) return;
    const passwordHash = await this.passwords.hash(`correct-horse-${username}`);
    // Another node may have been faster: then the name is taken, and all is well.
    await this.users.create({ username, passwordHash, roles, demo: true });
  }
}
