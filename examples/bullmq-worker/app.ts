// An API that leaves work to BullMQ, in a user's name: a block reaches the job, too.
import { BadRequestException, Body, Controller, Injectable, Module, Post } from '@nestjs/common';
import type { INestApplication, INestApplicationContext, OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CurrentUser, Roles, SessionModule, type UserState } from '@latchkey/session';
import { Queue } from 'bullmq';
import { LoginController } from '../login.controller.js';
import { type Cleanup, QUEUE, redisUrl, startWorker } from './worker.js';

@Injectable()
export class CleanupQueue implements OnApplicationShutdown {
  private readonly queue = new Queue<Cleanup>(QUEUE, { connection: { url: redisUrl() } });

  add({ id: userId, epoch }: UserState, postIds: readonly string[]) {
    const retries = { attempts: 10, backoff: { type: 'exponential', delay: 200 } };
    return this.queue.add('remove', { userId, epoch, postIds }, retries);
  }

  onApplicationShutdown(): Promise<void> {
    return this.queue.close();
  }
}

@Controller('auth')
class AuthController extends LoginController {}

@Controller('cleanups')
class CleanupController {
  constructor(private readonly queue: CleanupQueue) {}

  @Roles('editor')
  @Post()
  async begin(@CurrentUser() user: UserState, @Body() body: { postIds?: unknown }) {
    const { postIds } = body ?? {};
    if (!Array.isArray(postIds) || postIds.length > 1_000) throw new BadRequestException();
    const { id } = await this.queue.add(user, postIds.map(String));
    return { id };
  }
}

@Module({
  imports: [
    SessionModule.forRootAsync({ useFactory: () => ({ redis: redisUrl(), guard: 'global', strict: true }) }),
  ],
  controllers: [AuthController, CleanupController],
  providers: [CleanupQueue],
})
export class AppModule implements OnApplicationShutdown {
  worker?: INestApplicationContext;
  onApplicationShutdown = () => this.worker?.close();
}

/** Starts both. In a real system the worker is a process of its own. */
export async function start(port = 3000): Promise<INestApplication> {
  const worker = await startWorker();
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.get(AppModule).worker = worker;
  return app.listen(port, '127.0.0.1').then(() => app);
}
