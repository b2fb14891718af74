// src/cleanup.ts
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type UserState, UserStateService } from '@latchkey/session';
import { type Job, Queue, UnrecoverableError, Worker } from 'bullmq';

/** On whose behalf a job is done: names and a number, nothing that would open a door. */
export interface OnBehalfOf {
  readonly userId: string;
  readonly epoch: number;
}

/** Rejects unless the user may still act. */
export async function assertMayAct(
  users: UserStateService,
  { userId, epoch }: OnBehalfOf,
  role: string,
): Promise<void> {
  const user = await users.get(userId); // rejects while Redis is away: BullMQ tries the job again
  const isSame = user?.status === 'active' && user.epoch === epoch;
  if (!isSame || !user.roles.includes(role)) throw new UnrecoverableError('The user may not act any more');
}

/** Stands for what the job changes. */
export abstract class Posts {
  abstract remove(id: string): Promise<void>;
}

const connection = { url: process.env['QUEUE_REDIS_URL'] ?? 'redis://127.0.0.1:6379' };
const QUEUE = 'cleanup';

/** For handlers behind `@Roles('moderator')`: `enqueue(user, ids)` with the user of `@CurrentUser()`. */
@Injectable()
export class CleanupQueue implements OnModuleDestroy {
  private readonly queue = new Queue(QUEUE, { connection });

  enqueue({ id, epoch }: UserState, postIds: string[]) {
    const job: OnBehalfOf & { postIds: string[] } = { userId: id, epoch, postIds };
    return this.queue.add('remove', job, { attempts: 10, backoff: { type: 'exponential', delay: 200 } });
  }

  onModuleDestroy() {
    return this.queue.close();
  }
}

@Injectable()
export class CleanupWorker implements OnModuleInit, OnModuleDestroy {
  private worker?: Worker;

  constructor(
    private readonly users: UserStateService,
    private readonly posts: Posts,
  ) {}

  onModuleInit() {
    this.worker = new Worker(QUEUE, (job) => this.run(job), { connection });
  }

  private async run({ data }: Job<OnBehalfOf & { postIds: string[] }>): Promise<void> {
    for (const id of data.postIds) {
      await assertMayAct(this.users, data, 'moderator'); // before each effect, not only once
      await this.posts.remove(id);
    }
  }

  onModuleDestroy() {
    return this.worker?.close();
  }
}
