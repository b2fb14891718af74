import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { SessionError, withDeadline } from '@latchkey/session';
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
/** A busy machine answers late; a Redis that takes longer than this is away. */
const PING_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;

/**
 * Makes the demo accounts at boot, but never in production. While Redis is away it keeps trying, without holding up
 * the boot; and whenever Redis comes back, it may be without its data. A Redis that is only slow, as on a busy machine, is
 * waited for: see `settled`.
 */
@Injectable()
export class DemoAccounts implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(DemoAccounts.name);
  private stopped = false;
  private retry: NodeJS.Timeout | undefined;
  private areMade = false;
  private attempting: Promise<void> = Promise.resolve();

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(REDIS_CLIENT) private readonly redis: RedisClient | undefined,
    private readonly users: UsersService,
    private readonly passwords: PasswordHasher,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.config.production) return;
    this.redis?.on('ready', this.onReady);
    await this.attempt();
  }

  /**
   * Resolves when the accounts exist, or when it is clear that Redis is away: who serves then makes them later.
   */
  async settled(): Promise<void> {
    if (this.config.production) return;
    const giveUpAt = performance.now() + LONGEST_WAIT_MS;
    await this.attempting;
    while (!this.areMade && !this.stopped) {
      if (!(await this.isRedisThere())) return;
      if (performance.now() > giveUpAt) {
        this.logger.warn(
          'The demo accounts cannot be made yet, although Redis answers: may its user write app:*?',
        );
        return;
      }
      await sleep(RETRY_MS);
      await this.attempt();
    }
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    this.redis?.off('ready', this.onReady);
  }

  private readonly onReady = (): void => void this.attempt();

  /** Whether Redis answers at all, if not within the deadline of a call. */
  private async isRedisThere(): Promise<boolean> {
    const { redis } = this;
    if (!redis) return true;
    try {
      if (redis.status !== 'ready') await withDeadline(once(redis, 'ready'), PING_MS);
      await withDeadline(redis.ping(), PING_MS);
      return true;
    } catch {
      return false;
    }
  }

  /** One attempt at a time: whoever asks meanwhile waits for the one under way. */
  private attempt(): Promise<void> {
    this.attempting = this.attempting.then(() => this.tryOnce());
    return this.attempting;
  }

  private async tryOnce(): Promise<void> {
    clearTimeout(this.retry);
    if (this.stopped) return;
    try {
      await Promise.all(DEMO_ACCOUNTS.map((demo) => this.make(demo)));
      this.areMade = true;
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
