import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionModule } from '@latchkey/session';
import { Queue, QueueEvents, type Job } from 'bullmq';
import { RedisServer } from '../support/redis-server.js';
import type { CleanupQueue as CleanupQueueType } from './support/cleanup-worker.js';
import { type Office, startOffice } from './support/rpc-app.js';

const SOURCE = join(import.meta.dirname, 'support/cleanup-worker.ts');
/** More than the default, for a machine that is busy. */
const COMMAND_TIMEOUT_MS = 1_000;
const PAGE = join(import.meta.dirname, '../../docs/workers.md');

it('the page shows the worker that is run here', () => {
  expect(readFileSync(PAGE, 'utf8')).toContain(`\`\`\`ts\n${readFileSync(SOURCE, 'utf8')}\`\`\`\n`);
});

describe('a job in a user’s name', () => {
  let sessionsRedis: RedisServer;
  let queueRedis: RedisServer;
  let office: Office;
  let worker: INestApplicationContext;
  let cleanup: CleanupQueueType;
  let events: QueueEvents;
  let queue: Queue;
  const removed: string[] = [];
  /** Called before a post is removed, in the middle of the job. */
  let between: (id: string) => Promise<unknown> = async () => undefined;

  beforeAll(async () => {
    [sessionsRedis, queueRedis] = await Promise.all([
      RedisServer.start(),
      RedisServer.start({ args: ['--maxmemory-policy', 'noeviction'] }),
    ]);
    process.env['QUEUE_REDIS_URL'] = queueRedis.url;
    const { CleanupQueue, CleanupWorker, Posts } = await import('./support/cleanup-worker.js');
    const session = { redis: sessionsRedis.url, commandTimeoutMs: COMMAND_TIMEOUT_MS };
    class Removing extends Posts {
      override async remove(id: string) {
        removed.push(id);
        await between(id);
      }
    }
    @Module({
      imports: [SessionModule.forRoot(session)],
      providers: [CleanupQueue, CleanupWorker, { provide: Posts, useClass: Removing }],
    })
    class WorkerModule {}
    office = await startOffice(session);
    worker = await NestFactory.createApplicationContext(WorkerModule, { logger: false });
    cleanup = worker.get(CleanupQueue);
    events = new QueueEvents('cleanup', { connection: { url: queueRedis.url } });
    queue = new Queue('cleanup', { connection: { url: queueRedis.url } });
    await events.waitUntilReady();
  });
  afterAll(async () => {
    await Promise.all([events?.close(), queue?.close()]);
    await worker?.close();
    await office?.close();
    await Promise.all([sessionsRedis?.stop(), queueRedis?.stop()]);
  });
  beforeEach(() => {
    removed.length = 0;
    between = async () => undefined;
  });

  async function enqueue(userId: string): Promise<Job> {
    const user = await office.users.get(userId);
    if (!user) throw new Error('There is no such user');
    return cleanup.enqueue(user, ['1', '2', '3']);
  }
  const outcomeOf = (job: Job): Promise<string> =>
    job.waitUntilFinished(events, 20_000).then(
      () => 'completed',
      (error: Error) => error.message,
    );
  const REFUSED = 'The user may not act any more';

  it('is done for a user who may', async () => {
    const { userId } = await office.signedIn('moderator');
    expect(await outcomeOf(await enqueue(userId))).toBe('completed');
    expect(removed).toEqual(['1', '2', '3']);
  });

  it.each<[string, (userId: string) => Promise<unknown>]>([
    ['a block', (userId) => office.users.block(userId, { reason: 'spam' })],
    ['a demotion', (userId) => office.users.setRoles(userId, ['user'])],
    ['a logout everywhere', (userId) => office.sessions.revokeAll(userId)],
    [
      'a block that is over',
      async (userId) => {
        await office.users.block(userId, { reason: 'spam' });
        await office.users.unblock(userId);
      },
    ],
  ])('has no effect more after %s, and is not tried again', async (_name, act) => {
    const { userId } = await office.signedIn('moderator');
    between = (id) => (id === '2' ? act(userId) : Promise.resolve());
    const job = await enqueue(userId);
    expect(await outcomeOf(job)).toBe(REFUSED);
    expect(removed).toEqual(['1', '2']);
    expect((await queue.getJob(job.id ?? ''))?.attemptsMade).toBe(1);
  });

  it('is not begun for a user who was blocked while it waited', async () => {
    const { userId } = await office.signedIn('moderator');
    const user = await office.users.get(userId);
    await office.users.block(userId, { reason: 'spam' });
    if (!user) throw new Error('There is no such user');
    expect(await outcomeOf(await cleanup.enqueue(user, ['1']))).toBe(REFUSED);
    expect(removed).toEqual([]);
  });

  it('waits while the user cannot be looked at, and goes on then', async () => {
    const { userId } = await office.signedIn('moderator');
    const job = await enqueue(userId);
    between = async (id) => {
      if (id !== '1' || removed.length > 1) return;
      sessionsRedis.freeze();
      setTimeout(() => sessionsRedis.thaw(), 2 * COMMAND_TIMEOUT_MS);
    };
    expect(await outcomeOf(job)).toBe('completed');
    expect(removed.slice(-3)).toEqual(['1', '2', '3']);
    expect(removed.length).toBeGreaterThan(3);
  });
});
