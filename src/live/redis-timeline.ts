import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { openListener, type RedisClient } from '../redis/open-redis.js';
import type { RedisStore } from '../redis/redis-store.js';
import { BROADCASTS } from './broadcast-lines.js';
import { type Broadcast, Timeline } from './timeline.js';

const CHANNEL = 'app:timeline';

/** Over Redis's pub/sub, on a connection of its own that is opened for the first who listens. */
export class RedisTimeline extends Timeline implements OnApplicationShutdown {
  private readonly logger = new Logger('Timeline');
  private listener: RedisClient | undefined;

  constructor(
    private readonly store: RedisStore,
    private readonly client: RedisClient,
  ) {
    super();
  }

  async publish(broadcast: Broadcast): Promise<void> {
    try {
      await this.store.call((client) => client.publish(CHANNEL, JSON.stringify(broadcast)));
    } catch {
      this.logger.warn('A broadcast did not reach the other nodes: Redis did not answer in time');
    }
  }

  override subscribe(listener: (broadcast: Broadcast) => void): () => void {
    this.listener ??= this.listen();
    return super.subscribe(listener);
  }

  onApplicationShutdown(): void {
    this.listener?.disconnect();
  }

  private listen(): RedisClient {
    const listener = openListener(this.client, CHANNEL);
    listener.on('message', (channel: string, line: string) => {
      const broadcast = BROADCASTS.read(line, channel);
      if (broadcast) this.tell(broadcast);
    });
    return listener;
  }
}
