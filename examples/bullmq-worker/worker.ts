// The worker: it compares a job's user ID and epoch with the user's state before each effect.
import { type INestApplicationContext, Injectable, Module } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionModule, UserStateService } from '@latchkey/session';
import { type Job, UnrecoverableError, Worker } from 'bullmq';

/** A job has names and a number, and no token: nothing that would open a door. */
export interface Cleanup {
  readonly userId: string;
  readonly epoch: number;
  readonly postIds: readonly string[];
}
export const QUEUE = 'cleanup';
export const redisUrl = (): string => process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';

@Injectable()
export class CleanupWorker implements OnApplicationBootstrap, OnApplicationShutdown {
  private worker?: Worker<Cleanup, number>;

  constructor(private readonly users: UserStateService) {}

  onApplicationBootstrap(): void {
    this.worker = new Worker(QUEUE, (job) => this.run(job), { connection: { url: redisUrl() } });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.worker?.close();
  }

  private async run(job: Job<Cleanup, number>): Promise<number> {
    let removed = 0;
    for (const id of job.data.postIds) {
      await this.assertMayAct(job.data, 'editor'); // before each effect, not only once
      await job.log(`removed ${id}`); // stands for the effect
      await job.updateProgress((removed += 1));
    }
    return removed;
  }

  /** Rejects for good when the user may not, and for now while Redis is away. */
  private async assertMayAct({ userId, epoch }: Cleanup, role: string): Promise<void> {
    const user = await this.users.get(userId);
    const isSame = user?.status === 'active' && user.epoch === epoch;
    if (!isSame || !user.roles.includes(role)) throw new UnrecoverableError('The user may not act any more');
  }
}

@Module({
  imports: [SessionModule.forRootAsync({ useFactory: () => ({ redis: redisUrl(), strict: true }) })],
  providers: [CleanupWorker],
})
class WorkerModule {}

export function startWorker(): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(WorkerModule, { logger: ['error', 'warn'] });
}
