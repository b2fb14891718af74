import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { IpAllowlists, SessionError } from '@latchkey/session';
import { REDIS_STORE } from '../redis/redis.module.js';
import type { RedisStore } from '../redis/redis-store.js';

/** The list of addresses that guards `/admin`. */
export const ADMIN_LIST = 'admin';
const EVERYBODY = ['0.0.0.0/0', '::/0'];
/** `SET app:admin-list-made 1`: this Redis has had the list before. */
const MARK = 'app:admin-list-made';
const RETRY_MS = 250;

/**
 * Makes the list `admin`, open to everybody, once in the life of a Redis's data. From then on it is an admin's to change;
 * if it gets lost, `/admin` is closed until `npm run admin-ips` says who may come, and a restart does not open it. Only
 * where the mark is gone as well, as after FLUSHALL, is the next start a first one: then accounts and roles are gone,
 * too, and there is no admin whom an open list would let in. Nodes that are running never make it again.
 */
@Injectable()
export class AdminList implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(AdminList.name);
  private stopped = false;
  private retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly lists: IpAllowlists,
    @Inject(REDIS_STORE) private readonly store: RedisStore | undefined,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.make();
    } catch (error) {
      if (this.stopped) return;
      const isAway = error instanceof SessionError && error.code === 'session_store_unavailable';
      if (!isAway) this.logger.error(error);
      this.retry = setTimeout(() => void this.onApplicationBootstrap(), RETRY_MS).unref();
    }
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.retry);
  }

  private async make(): Promise<void> {
    if (!(await this.lists.get(ADMIN_LIST))) {
      if ((await this.store?.call((client) => client.get(MARK))) === '1') {
        this.logger.warn(
          `The list '${ADMIN_LIST}' is lost, and /admin is closed to everybody: npm run admin-ips -- CIDR… makes it anew`,
        );
        return;
      }
      await this.makeFirst();
    }
    // After the list: a start that dies in between leaves no mark without one.
    await this.store?.call((client) => client.set(MARK, '1'));
  }

  private async makeFirst(): Promise<void> {
    try {
      // Lost in a failover, it is made again by the next start.
      await this.lists.set(ADMIN_LIST, EVERYBODY, { ifVersion: 'absent', durability: 'memory' });
    } catch (error) {
      // Another node was faster.
      if (!(error instanceof SessionError && error.code === 'version_conflict')) throw error;
    }
  }
}
